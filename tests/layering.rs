//! The walls of the house: a room names only rooms below it, and files say what they are.

use std::fs;
use std::path::{Path, PathBuf};

/// Bottom to top; each with the rooms it may use.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("choice", &["base"]),
    ("graph", &["base"]),
    ("trace", &["base", "graph"]),
    ("dataflow", &["base", "graph"]),
    ("protocol", &["base", "graph"]),
    ("world", &["base", "choice", "trace"]),
    ("engine", &["base", "choice", "graph", "trace", "dataflow", "protocol", "world"]),
    ("check", &["base", "graph", "trace", "dataflow"]),
    ("scenario", &["base", "choice", "graph", "trace", "dataflow", "protocol", "world", "engine", "check"]),
    ("search", &["base", "choice", "graph", "trace", "dataflow", "protocol", "world", "engine", "check", "scenario"]),
    (
        "specimen",
        &["base", "choice", "graph", "trace", "dataflow", "protocol", "world", "engine", "check", "scenario", "search"],
    ),
    (
        "testing",
        &[
            "base", "choice", "graph", "trace", "dataflow", "protocol", "world", "engine", "check", "scenario",
            "search", "specimen",
        ],
    ),
    (
        "cli",
        &[
            "base", "choice", "graph", "trace", "dataflow", "protocol", "world", "engine", "check", "scenario",
            "search", "specimen", "testing",
        ],
    ),
];

fn files(of: &Path) -> Vec<PathBuf> {
    let mut list = Vec::new();
    for entry in fs::read_dir(of).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            list.push(path);
        }
    }
    list.sort();
    list
}

/// Every room named as `crate::room` in code (not in comments), also inside braces.
fn named(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for part in code.split("crate::").skip(1) {
        let word = |t: &str| t.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match part.strip_prefix('{') {
            Some(list) => rooms.extend(list.split('}').next().unwrap().split(',').map(|w| word(w.trim()))),
            None => rooms.push(word(part)),
        }
    }
    rooms
}

#[test]
fn a_room_names_only_rooms_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, may) in ROOMS {
        for file in files(&root.join(room)) {
            for other in named(&fs::read_to_string(&file).unwrap()) {
                let known = ROOMS.iter().any(|(r, _)| *r == other);
                if known && other != *room && !may.contains(&other.as_str()) {
                    wrong.push(format!("{} names {other}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_table_and_every_file_says_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(ROOMS.iter().any(|(r, _)| *r == name), "the room {name} is not in the table");
        }
    }
    for file in files(&root) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} does not begin with what it is", file.display());
    }
}

#[test]
fn the_test_sees_what_it_looks_for() {
    assert_eq!(
        named("use crate::{base::Time, world};\n// crate::cli\nlet x = crate::engine::Plan;"),
        ["base", "world", "engine"]
    );
}
