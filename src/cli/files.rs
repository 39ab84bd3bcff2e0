//! Writing files: atomically, and never over something that is not ours.

use super::Refusal;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// A file that is being written. It replaces its target when it is finished, and not before.
pub struct Output {
    target: PathBuf,
    temporary: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

impl Output {
    /// Begins to write. A regular file is replaced only if it is empty or begins as a cutline file; devices and
    /// pipes are written to as they are.
    pub fn create(target: &Path) -> Result<Output, Refusal> {
        Self::create_like(target, b"{\"cutline_")
    }

    /// The same, for files that begin in this way.
    pub fn create_like(target: &Path, ours: &[u8]) -> Result<Output, Refusal> {
        let at = |m: String| Refusal(format!("{}: {m}", target.display()));
        let special = match fs::metadata(target) {
            Ok(m) if m.is_dir() => return Err(at("is a directory: expected a file to write to".into())),
            Ok(m) if m.is_file() => {
                let mut begin = [0; 12];
                let n = File::open(target).and_then(|mut f| f.read(&mut begin)).map_err(|e| at(e.to_string()))?;
                let ours = begin[..n].starts_with(ours) || begin[..n].starts_with(b"{\n  \"cutlin");
                if n > 0 && !ours {
                    return Err(at("is no file of cutline's, and is not overwritten: name another file".into()));
                }
                false
            }
            Ok(_) => true,
            Err(_) => false,
        };
        let (path, temporary) = if special {
            (target.to_path_buf(), None)
        } else {
            let mut name = target.file_name().ok_or_else(|| at("is no name of a file".into()))?.to_os_string();
            name.push(format!(".{}.part", std::process::id()));
            let path = target.with_file_name(name);
            (path.clone(), Some(path))
        };
        let mut options = File::options();
        options.write(true).create(temporary.is_some()).truncate(temporary.is_some());
        let file = options.open(&path).map_err(|e| at(format!("cannot be written: {e}")))?;
        Ok(Output { target: target.to_path_buf(), temporary, file: Some(BufWriter::new(file)) })
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
