//! Writing files: atomically, and never over something that is not ours.

use super::Refusal;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// How our files begin.
pub const TRACE: &[u8] = b"{\"cutline_trace\"";
/// See [`TRACE`].
pub const SHARD: &[u8] = b"{\"cutline_shard\"";
/// See [`TRACE`].
pub const CAPSULE: &[u8] = b"{\n  \"cutline_capsule\"";
/// See [`TRACE`].
pub const JUNIT: &[u8] = b"<?xml";

/// Makes sure that there is such a directory.
pub fn directory(dir: &Path) -> Result<(), Refusal> {
    let at = |m: String| Refusal(format!("{}: {m}", dir.display()));
    if fs::metadata(dir).is_ok_and(|m| !m.is_dir()) {
        return Err(at("is a file: expected a directory to write into".into()));
    }
    fs::create_dir_all(dir).map_err(|e| at(e.to_string()))
}

/// A file that is being written. It replaces its target when it is finished, and not before.
pub struct Output {
    target: PathBuf,
    temporary: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

impl Output {
    /// Begins to write a file of this kind. A regular file is replaced only if it is empty or begins as `ours`;
    /// devices and pipes are written to as they are, and links are followed.
    pub fn create(target: &Path, ours: &[u8]) -> Result<Output, Refusal> {
        let at = |m: String| Refusal(format!("{}: {m}", target.display()));
        let device = ["/dev", "/proc"].iter().any(|d| target.starts_with(d));
        let linked = !device && fs::symlink_metadata(target).is_ok_and(|m| m.is_symlink());
        let real = match linked {
            true => fs::canonicalize(target).map_err(|e| at(format!("is a link that leads nowhere: {e}")))?,
            false => target.to_path_buf(),
        };
        let special = match fs::metadata(&real) {
            Ok(m) if m.is_dir() => return Err(at("is a directory: expected a file to write to".into())),
            Ok(m) if m.is_file() && !device => {
                let mut begin = [0; 24];
                let n = File::open(&real).and_then(|mut f| f.read(&mut begin)).map_err(|e| at(e.to_string()))?;
                if n > 0 && !begin[..n].starts_with(ours) {
                    return Err(at(
                        "is no file of cutline's of this kind, and is not overwritten: name another file".into()
                    ));
                }
                false
            }
            Ok(_) => true,
            Err(_) => device,
        };
        let (path, temporary) = if special {
            (real.clone(), None)
        } else {
            let mut name = real.file_name().ok_or_else(|| at("is no name of a file".into()))?.to_os_string();
            name.push(format!(".{}.part", std::process::id()));
            let path = real.with_file_name(name);
            (path.clone(), Some(path))
        };
        let mut options = File::options();
        options.write(true).create(temporary.is_some()).truncate(temporary.is_some());
        let file =
            options.open(if special { target } else { &path }).map_err(|e| at(format!("cannot be written: {e}")))?;
        Ok(Output { target: real, temporary, file: Some(BufWriter::new(file)) })
    }

    /// Everything is written: the file takes its name.
    pub fn finish(mut self) -> Result<(), Refusal> {
        let at = |e: std::io::Error| Refusal(format!("{}: cannot be written: {e}", self.target.display()));
        if let Some(mut file) = self.file.take() {
            file.flush().map_err(at)?;
        }
        if let Some(t) = self.temporary.take() {
            fs::rename(&t, &self.target).map_err(at)?;
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.file.as_mut().map_or(Ok(buf.len()), |f| f.write(buf))
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |f| f.flush())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(t) = self.temporary.take() {
            _ = fs::remove_file(t);
        }
    }
}
