//! stub
mod protocols;
use crate::engine::Plan;
pub use protocols::Protocols;
pub struct Specimen {
    pub name: &'static str,
}
impl Specimen {
    pub fn apply(&self, _: &mut Plan) {}
}
pub fn all() -> &'static [Specimen] {
    &[]
}
pub fn named(name: &str) -> Option<&'static Specimen> {
    all().iter().find(|s| s.name == name)
}
