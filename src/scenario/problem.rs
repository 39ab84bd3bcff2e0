//! What is wrong with a file: place, and what was expected.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path in the JSON (`operators.counts.parallelism`), or the line of a syntax error; may be empty.
    pub path: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { path: path.into(), message: message.into() }
    }
}

/// Everything that is wrong with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The same, of what is at `place` in a larger file.
    pub fn within(self, place: &str) -> Problems {
        let put = |p: Problem| match p.path.is_empty() {
            true => Problem { path: place.into(), ..p },
            false => Problem { path: format!("{place}.{}", p.path), ..p },
        };
        Problems(self.0.into_iter().map(put).collect())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.0.iter().enumerate() {
            let line = if i == 0 { "" } else { "\n" };
            match p.path.is_empty() {
                true => write!(f, "{line}{}", p.message)?,
                false => write!(f, "{line}{}: {}", p.path, p.message)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
