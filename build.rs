//! Gives the build its identity: a hash of all that decides how the program works.
//!
//! It is in `RETROHUNT_BUILD`, see `src/fingerprint.rs`. No crates: what is here is compiled first and for the building machine.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

/// Folders and files, seen from the package. `Cargo.lock` has the versions of all crates, `Cargo.toml` the features.
const PARTS: [&str; 6] = ["src", "rules", "migrations", "Cargo.toml", "Cargo.lock", "build.rs"];

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut files = Vec::new();
    for part in PARTS {
        println!("cargo:rerun-if-changed={part}");
        add(&root.join(part), &mut files);
    }
    // Folders list their files in any order.
    files.sort();
    // Two hashers that begin differently make 128 bits of a hash of 64: nobody attacks it, but two builds must not meet by chance.
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    1_u8.hash(&mut hashers[1]);
    for file in &files {
        let name = file.strip_prefix(&root).expect("it was found there").to_string_lossy().replace('\\', "/");
        let content = std::fs::read(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        hashers.iter_mut().for_each(|hasher| (&name, &content).hash(hasher));
    }
    // Features and the target change what is compiled of the same sources; so does a compiler.
    for name in ["CARGO_CFG_FEATURE", "TARGET", "PROFILE", "RUSTC"] {
        let value = std::env::var(name).unwrap_or_default();
        hashers.iter_mut().for_each(|hasher| (name, &value).hash(hasher));
    }
    println!("cargo:rustc-env=RETROHUNT_BUILD={:016x}{:016x}", hashers[0].finish(), hashers[1].finish());
}

/// Adds the files of a folder, or the file. A part that is not there has none: a package may be built without a `Cargo.lock`.
fn add(path: &Path, files: &mut Vec<PathBuf>) {
    match std::fs::read_dir(path) {
        Ok(entries) => entries.for_each(|entry| add(&entry.expect("a folder of the package can be listed").path(), files)),
        Err(_) if path.is_file() => files.push(path.to_owned()),
        Err(_) => {}
    }
}
