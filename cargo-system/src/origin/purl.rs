//! Package URLs: how scanners call a package (the type `cargo` of the specification of package URLs, <https://github.com/package-url/purl-spec>).

use super::linked::{Package, Source};
use std::fmt::Write as _;

/// Of a package that nobody has published, the address says so: it must not be taken for another one's of that name.
pub(super) fn of(package: &Package) -> String {
    let mut purl = plain(&package.name, &package.version.to_string());
    let qualifier = match &package.source {
        Source::CratesIo => None,
        Source::Registry(address) => Some(("repository_url", address.clone())),
        Source::Git { address, commit } => Some(("vcs_url", format!("git+{address}@{commit}"))),
        Source::Local(place) => Some(("download_url", format!("file://{place}"))),
    };
    if let Some((name, value)) = qualifier {
        let _ = write!(purl, "?{name}={}", escaped(&value));
    }
    purl
}

/// Of one that crates.io has.
pub(super) fn plain(name: &str, version: &str) -> String {
    format!("pkg:cargo/{}@{}", escaped(name), escaped(version))
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use semver::Version;

    #[test]
    fn each_source_has_its_qualifier() {
        let of = |source| {
            of(&Package {
                name: "wasi".to_owned(),
                version: Version::parse("0.11.1+snapshot").expect("a version"),
                source,
                checksum: None,
                licence: None,
                dependencies: Vec::new(),
            })
        };
        assert_eq!(of(Source::CratesIo), "pkg:cargo/wasi@0.11.1%2Bsnapshot");
        let git = Source::Git { address: "https://x.test/r".to_owned(), commit: "0a1b".to_owned() };
        assert_eq!(of(git), "pkg:cargo/wasi@0.11.1%2Bsnapshot?vcs_url=git%2Bhttps://x.test/r%400a1b");
        let registry = Source::Registry("sparse+https://x.test/i/".to_owned());
        assert_eq!(of(registry), "pkg:cargo/wasi@0.11.1%2Bsnapshot?repository_url=sparse%2Bhttps://x.test/i/");
        let local = Source::Local("a b".to_owned());
        assert_eq!(of(local), "pkg:cargo/wasi@0.11.1%2Bsnapshot?download_url=file://a%20b");
    }
}
