//! What tells whether two things are the same without keeping either: a fingerprint of a value, and the identity of this build.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// What this program was built from: two builds with the same identity compile, plan and hunt alike.
///
/// It is a hash of the sources, the data of `rules/`, the migrations and the versions of all crates (`build.rs`). Whatever one
/// build kept of its own making is not to be used by another one.
pub const BUILD: &str = env!("RETROHUNT_BUILD");

/// Returns the first half of the SHA-256 of a value in [postcard](https://docs.rs/postcard)'s form.
///
/// Equal values have equal fingerprints in the same build. The form has neither names nor marks of types, so values of
/// different types may have equal ones, and a change of a type changes those of its values: keep it beside [`BUILD`].
pub fn fingerprint(value: &impl Serialize) -> [u8; 16] {
    let mut hasher = Hashed(Sha256::new());
    postcard::to_io(value, &mut hasher).expect("a hasher takes all bytes");
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.0.finalize()[..16]);
    out
}

/// A hasher that is written to.
struct Hashed(Sha256);

impl std::io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_half_a_sha_256_of_the_bytes() {
        let bytes = postcard::to_stdvec(&("a", 300_u32)).expect("memory takes all");
        assert_eq!(bytes, [1, b'a', 0xac, 2]);
        assert_eq!(fingerprint(&("a", 300_u32))[..], Sha256::digest(&bytes)[..16]);
        assert_ne!(fingerprint(&("a", 300_u32)), fingerprint(&("a", 301_u32)));
    }

    #[test]
    fn a_build_has_an_identity() {
        assert_eq!(BUILD.len(), 32);
        assert!(BUILD.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
