//! Sweeps from the shell: order, threads, shards, capsules, reports.
#![cfg(feature = "cli")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn cutline(args: &[&str]) -> Output {
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new(env!("CARGO_BIN_EXE_cutline")).args(args).current_dir(root).output().unwrap()
}

fn fresh(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn stdout(o: &Output) -> String {
    String::from_utf8(o.stdout.clone()).unwrap()
}

const BOTH: [&str; 2] = ["scenarios/no-alignment.json", "scenarios/chain.json"];

#[test]
fn one_thread_and_many_give_the_same_bytes() {
    for format in ["human", "json"] {
        let run = |jobs| {
            stdout(&cutline(&["sweep", BOTH[0], BOTH[1], "--seeds", "0..60", "--jobs", jobs, "--format", format]))
        };
        let one = run("1");
        assert_eq!(one, run("4"));
        assert_eq!(one, run("3"));
        assert!(one.contains("no-alignment"));
    }
}

#[test]
fn shards_merge_to_what_one_sweep_gives() {
    let dir = fresh("shards");
    let d = dir.to_str().unwrap();
    for format in ["human", "json"] {
        let whole = cutline(&["sweep", BOTH[0], BOTH[1], "--seeds", "5..65", "--format", format]);
        for i in ["1/3", "2/3", "3/3"] {
            let part = cutline(&["sweep", BOTH[0], BOTH[1], "--seeds", "5..65", "--shard", i, "--out", d]);
            assert!(part.status.code() == Some(1) || part.status.code() == Some(0));
        }
        let file = |i: u32| dir.join(format!("shard-{i}-of-3.jsonl")).to_str().unwrap().to_string();
        let (a, b, c) = (file(1), file(2), file(3));
        let merged = cutline(&["merge", &c, &a, &b, "--format", format]);
        assert_eq!(stdout(&merged), stdout(&whole));
        assert_eq!(merged.status.code(), whole.status.code());

        let missing = cutline(&["merge", &a, &c]);
        assert_eq!(missing.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&missing.stderr).contains("2/3"));
        let twice = cutline(&["merge", &a, &a, &b]);
        assert_eq!(twice.status.code(), Some(2));
        assert!(stdout(&twice).is_empty());
    }
}

#[test]
fn what_is_no_shard_and_no_directory_is_named() {
    let said = |args: &[&str]| {
        let o = cutline(args);
        assert_eq!((o.status.code(), stdout(&o)), (Some(2), String::new()));
        String::from_utf8_lossy(&o.stderr).into_owned()
    };
    let shard = "line 1: this is no shard of a sweep: expected a file that `cutline sweep --shard` wrote";
    assert_eq!(said(&["merge", BOTH[0]]), format!("cutline: {}: {shard}\n", BOTH[0]));
    let file = fresh("no-directory").join("file");
    std::fs::write(&file, "mine").unwrap();
    let out = file.to_str().unwrap();
    for more in [&[][..], &["--shard", "1/2"]] {
        let args = [&["sweep", BOTH[0], "--seeds", "0..2", "--out", out], more].concat();
        assert_eq!(said(&args), format!("cutline: {out}: is a file: expected a directory to write into\n"));
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn failures_become_capsules_that_replay() {
    let dir = fresh("capsules");
    let d = dir.to_str().unwrap();
    let swept = cutline(&["sweep", BOTH[0], "--seeds", "0..40", "--out", d]);
    assert_eq!(swept.status.code(), Some(1));
    let files: Vec<PathBuf> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(!files.is_empty());
    for f in &files {
        assert!(!f.to_string_lossy().contains(".part"), "a half-written file was left: {}", f.display());
        let command = format!("cutline replay {}", f.display());
        assert!(stdout(&swept).lines().any(|l| l == command), "the command is on a line of its own");
        let back = cutline(&["replay", f.to_str().unwrap(), "--story", "--cause"]);
        assert_eq!(back.status.code(), Some(1), "{}", stdout(&back));
        assert!(stdout(&back).contains("came back, with the same digest"));
        assert!(stdout(&back).contains("decided here"));
        let small = cutline(&["shrink", f.to_str().unwrap()]);
        assert_eq!(small.status.code(), Some(1));
        assert!(stdout(&small).starts_with("minimal: "));
    }
}

#[test]
fn a_replay_that_goes_astray_says_where() {
    let dir = fresh("astray");
    let file = dir.join("c.json");
    let golden =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/capsule-v1.json")).unwrap();
    let moved = golden.replacen("\"kind\":\"delay\"", "\"kind\":\"write\"", 1);
    assert_ne!(moved, golden);
    std::fs::write(&file, moved).unwrap();
    let o = cutline(&["replay", file.to_str().unwrap(), "--rebase"]);
    assert_eq!(o.status.code(), Some(3), "{}", stdout(&o));
    assert!(stdout(&o).contains("went astray"), "{}", stdout(&o));
    let rebased = dir.join("c.rebased.json");
    let o = cutline(&["replay", rebased.to_str().unwrap()]);
    assert_eq!(o.status.code(), Some(1), "{}", stdout(&o));
}

#[test]
fn reports_for_other_peoples_ci() {
    let dir = fresh("junit");
    let report = dir.join("r.xml");
    let args =
        ["sweep", BOTH[0], BOTH[1], "--seeds", "0..20", "--junit", report.to_str().unwrap(), "--annotations", "github"];
    let o = cutline(&args);
    let xml = std::fs::read_to_string(&report).unwrap();
    assert!(
        xml.starts_with("<?xml") && xml.contains("<testsuite name=\"chain\" tests=\"20\" failures=\"0\">"),
        "{xml}"
    );
    assert!(String::from_utf8_lossy(&o.stderr).contains("::notice file=scenarios/no-alignment.json"));
    assert_eq!(cutline(&args).status.code(), Some(1), "the report is replaced");
    std::fs::write(&report, "mine").unwrap();
    let refused = cutline(&args);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "mine");
}

#[test]
fn a_sweep_stops_when_it_has_enough() {
    let o = cutline(&["sweep", BOTH[0], "--seeds", "0..100000", "--failures", "1", "--no-shrink", "--format", "json"]);
    let last: serde_json::Value = serde_json::from_str(stdout(&o).lines().last().unwrap()).unwrap();
    assert_eq!(last["complete"], false);
    assert_eq!(o.status.code(), Some(1));
    let o = cutline(&["sweep", BOTH[1], "--seeds", "0..1000000", "--time", "300ms"]);
    assert_eq!(o.status.code(), Some(3), "it was ended early, and nothing failed");
}

#[test]
fn scenarios_that_were_not_begun_are_counted() {
    let o = cutline(&["sweep", BOTH[0], BOTH[1], "--seeds", "0..60", "--jobs", "1", "--failures", "1", "--no-shrink"]);
    assert!(stdout(&o).ends_with("\n1 of 2 scenarios were not begun\n"), "{}", stdout(&o));
}

#[test]
fn what_nobody_reads_is_not_run() {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutline"));
    command.args(["sweep", BOTH[1], "--seeds", "0..50000", "--format", "json"]).current_dir(root);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('{'), "{line}");
    // Complete, it would be 0.
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn every_seed_twice() {
    let o = cutline(&["sweep", BOTH[1], "--seeds", "0..50", "--twice"]);
    assert_eq!(o.status.code(), Some(0), "{}", stdout(&o));
}
