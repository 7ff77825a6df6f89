//! Installs a peer into `target/bench/peers`, once.

use std::path::PathBuf;
use std::process::Command;

use crate::{Bench, text};

fn folder(bench: &Bench) -> PathBuf {
    bench.folder.join("peers")
}

/// A program of a crate, in this version.
pub(super) fn from_crate(bench: &Bench, name: &str, version: &str, program: &str) -> Result<PathBuf, String> {
    let root = folder(bench);
    let path = root.join("bin").join(program);
    if says(Command::new(&path).arg("--version")).is_ok_and(|text| text.contains(version)) {
        return Ok(path);
    }
    println!("  installing {name} {version}");
    says(Command::new("cargo").args(["install", "--quiet", "--root", text(&root), "--version", version, "--locked", "--force", name]))?;
    Ok(path)
}

/// The Python of a virtual environment that has these packages, and those whose own requirements are left alone.
pub(super) fn from_python(bench: &Bench, packages: &[&str], alone: &[&str]) -> Result<PathBuf, String> {
    let root = folder(bench).join("venv");
    let python = root.join("bin/python");
    // What it was made of: another list makes it anew.
    let (note, list) = (root.join("packages.txt"), [packages, alone].concat().join("\n"));
    if std::fs::read_to_string(&note).is_ok_and(|made| made == list) {
        return Ok(python);
    }
    println!("  installing {}", list.replace('\n', ", "));
    drop(std::fs::remove_dir_all(&root));
    says(Command::new("python3").args(["-m", "venv", text(&root)]))?;
    says(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    says(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--no-deps"]).args(alone))?;
    std::fs::write(note, list).map_err(|e| e.to_string())?;
    Ok(python)
}

/// What a command prints; else the last line of why it failed.
pub(super) fn says(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned();
    Err(format!("{name} failed: {why}"))
}
