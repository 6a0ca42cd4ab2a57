//! Signatures made by minisign's own library, good and bad.

use super::super::history::{Conclusion, Outcome};
use super::super::keys::{Key, KeyError};
use super::super::layout::Layout;
use super::super::manifest::{MANIFEST_SCHEMA, RuntimeEntry};
use super::super::record::{Record, State};
use super::super::settings::Settings;
use super::super::store::{Store, TrustError};
use super::*;
use minisign::KeyPair;
use std::fs;
use tempfile::TempDir;

fn manifest(patch: u64) -> Manifest {
    let version = Version::new(1, 0, patch);
    Manifest {
        schema: MANIFEST_SCHEMA,
        name: "my-app".to_owned(),
        version: version.clone(),
        runtime: RuntimeEntry { version, file: String::new() },
        plugins: Vec::new(),
        settings: Settings::default(),
        files: Vec::new(),
    }
}

fn sign(pair: &KeyPair, bytes: &[u8], comment: &str) -> Vec<u8> {
    minisign::sign(None, &pair.sk, bytes, Some(comment), None).expect("signed").into_string().into_bytes()
}

fn key(pair: &KeyPair) -> Key {
    Key::parse(&pair.pk.to_box().expect("text").into_string()).expect("a key")
}

fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().expect("a key")
}

fn trusting(pair: &KeyPair) -> Keys {
    Keys { trusted: vec![key(pair)], revoked: Vec::new() }
}

/// A node's folder.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn layout(&self) -> Layout {
        Layout::new(self.0.path())
    }

    fn store(&self) -> Store {
        Store::new(self.layout())
    }

    fn keys(&self) -> Keys {
        Keys::read(&self.layout()).expect("keys")
    }

    /// A release of that number and counter.
    fn add(&self, pair: &KeyPair, patch: u64, counter: u64) -> Version {
        let manifest = manifest(patch);
        let bytes = manifest.to_bytes().expect("bytes");
        let signature = sign(pair, &bytes, &comment(&manifest, counter));
        self.store().add_release(&manifest.version, &bytes, Some(&signature)).expect("added");
        manifest.version
    }
}

#[test]
fn a_good_signature_says_who_and_how_new() {
    let (pair, manifest) = (pair(), manifest(1));
    let bytes = manifest.to_bytes().expect("bytes");
    let signature = sign(&pair, &bytes, &comment(&manifest, 42));
    let signed = trusting(&pair).verify(&manifest, &bytes, Some(&signature));
    assert_eq!(signed, Ok(Some(Signed { key: key(&pair).id, counter: 42 })));
    assert_eq!(Keys::default().verify(&manifest, &bytes, None), Ok(None), "without keys nobody demands any");
}

#[test]
fn a_signature_that_is_not_good_is_refused_for_what_it_is() {
    let (ours, theirs, manifest) = (pair(), pair(), manifest(1));
    let bytes = manifest.to_bytes().expect("bytes");
    let signature = sign(&ours, &bytes, &comment(&manifest, 42));
    let verify = |keys: &Keys, bytes: &[u8], signature: Option<&[u8]>| keys.verify(&manifest, bytes, signature);
    let keys = trusting(&ours);
    let id = key(&ours).id;
    assert_eq!(verify(&keys, &bytes, None), Err(SignatureError::Missing));
    assert_eq!(verify(&trusting(&theirs), &bytes, Some(&signature)), Err(SignatureError::Untrusted(id)));
    let mut other = bytes.clone();
    other[10] ^= 1;
    assert_eq!(verify(&keys, &other, Some(&signature)), Err(SignatureError::Wrong(id)));
    for damaged in [&b""[..], b"\xff", b"one line", &signature[..signature.len() / 2]] {
        assert_eq!(verify(&keys, &bytes, Some(damaged)), Err(SignatureError::Damaged));
    }
    let raised = String::from_utf8(signature.clone()).expect("text").replace("counter:42", "counter:43");
    assert_eq!(verify(&keys, &bytes, Some(raised.as_bytes())), Err(SignatureError::Wrong(id)), "the counter is signed");
    let numbered_as_ours = Key { id, ..key(&theirs) };
    let wrong = Keys { trusted: vec![numbered_as_ours], revoked: Vec::new() };
    assert_eq!(verify(&wrong, &bytes, Some(&signature)), Err(SignatureError::Wrong(id)));

    let revoked = Keys { trusted: vec![key(&ours)], revoked: vec![key(&ours)] };
    assert_eq!(verify(&revoked, &bytes, Some(&signature)), Err(SignatureError::Revoked(id)));
    let renumbered = Keys { trusted: vec![key(&ours)], revoked: vec![Key { id: key(&theirs).id, ..key(&ours) }] };
    assert_eq!(verify(&renumbered, &bytes, Some(&signature)), Err(SignatureError::Revoked(id)));
    let last = Keys { trusted: Vec::new(), revoked: vec![key(&ours)] };
    assert_eq!(verify(&last, &bytes, None), Err(SignatureError::Missing), "revoking the last key opens no door");
}

#[test]
fn a_signature_for_another_purpose_is_none() {
    let (pair, manifest) = (pair(), manifest(1));
    let bytes = manifest.to_bytes().expect("bytes");
    let other = Manifest { name: "other".to_owned(), ..manifest.clone() };
    for said in ["timestamp:1 file:manifest.json", "", &comment(&other, 1), &(comment(&manifest, 1) + " and more")] {
        let signature = sign(&pair, &bytes, said);
        let verified = trusting(&pair).verify(&manifest, &bytes, Some(&signature));
        assert_eq!(verified, Err(SignatureError::Purpose(manifest.version.clone())), "{said:?}");
    }
}

#[test]
fn an_old_release_is_not_brought_back_but_rolled_back_to() {
    let (place, pair) = (Place::new(), pair());
    place.keys().trust(&place.layout(), &key(&pair)).expect("trusted");
    let store = place.store();
    let [old, new, never] = [(1, 10), (2, 20), (3, 15)].map(|(patch, counter)| place.add(&pair, patch, counter));
    for version in [&old, &new] {
        assert!(store.check_trust(version, false).is_ok());
        store.set_permanent(version).expect("set");
    }
    let sentence =
        |version: &Version, is_rollback| store.check_trust(version, is_rollback).map_err(|error| error.to_string());
    let replayed = Err("the release 1.0.1 has the counter 10, and 1.0.2 has been permanent here with 20".to_owned());
    assert_eq!(sentence(&old, false), replayed);
    assert!(sentence(&new, false).is_ok(), "what is newest is not older");
    assert!(sentence(&old, true).is_ok(), "back to what has served here");
    assert!(sentence(&never, true).is_err(), "but not to what never has");
    store.set_permanent(&old).expect("rolled back");
    assert_eq!(sentence(&never, false).map(drop), Err(sentence(&never, true).expect_err("as before")));
    assert!(sentence(&new, false).is_ok(), "and forward again");
    let record: Record = store.record().expect("readable");
    assert_eq!((record.counter.as_ref().map(|last| last.value), record.state(&new)), (Some(20), State::Old));
}

#[test]
fn what_is_not_trusted_any_more_when_it_is_done_does_not_become_permanent() {
    let (place, pair, other) = (Place::new(), pair(), pair());
    place.keys().trust(&place.layout(), &key(&pair)).expect("trusted");
    place.keys().trust(&place.layout(), &key(&other)).expect("trusted");
    let store = place.store();
    let (old, new) = (place.add(&pair, 1, 10), place.add(&other, 2, 20));
    store.set_permanent(&old).expect("set");
    assert!(store.check_trust(&new, false).is_ok());
    place.keys().revoke(&place.layout(), &key(&other)).expect("revoked, while it is on probation");
    let done = || Conclusion { permanent: Some(new.clone()), outcome: Some(Outcome::Done), ..Conclusion::default() };
    let error = store.end(done()).expect_err("revoked").to_string();
    assert!(error.contains("which is revoked"), "{error}");
    // What cannot be told is not taken for no counter either, but whose folder it is may say what boots.
    store.set_permanent(&new).expect("the owner's word");
    store.set_permanent(&old).expect("the owner's word");
    fs::write(place.layout().keys().join("a.pub"), "no key").expect("written");
    assert!(matches!(store.end(done()), Err(TrustError::Keys(_))));
    assert!(matches!(store.set_permanent(&new), Err(TrustError::Keys(_))));
    let record = store.record().expect("readable");
    assert_eq!((record.permanent, record.counter.map(|last| last.value)), (Some(old), Some(10)));
}

#[test]
fn keys_are_trusted_and_revoked_for_good() {
    let (place, pair, other) = (Place::new(), pair(), pair());
    assert!(!place.keys().demand_signatures());
    place.keys().trust(&place.layout(), &key(&pair)).expect("trusted");
    assert_eq!(place.keys().trusted.len(), 1);
    let version = place.add(&pair, 1, 1);
    assert!(place.store().check_trust(&version, false).is_ok());

    place.keys().revoke(&place.layout(), &key(&pair)).expect("revoked");
    assert_eq!((place.keys().trusted.len(), place.keys().revoked.len()), (0, 1));
    let error = place.store().check_trust(&version, true).expect_err("revoked");
    assert!(matches!(error, TrustError::Signature { reason: SignatureError::Revoked(_), .. }), "{error}");
    let again = place.keys().trust(&place.layout(), &key(&pair)).expect_err("revoked");
    assert!(matches!(again, KeyError::Revoked(_)), "{again}");
    let error = place.keys().find(&place.layout(), "0123").expect_err("unknown").to_string();
    assert!(error.starts_with("there is no key 0123 in "), "{error}");
    place.keys().trust(&place.layout(), &key(&other)).expect("another one is trusted");
    assert!(place.keys().find(&place.layout(), &key(&other).id.to_string().to_lowercase()).is_ok());
}

#[test]
fn a_damaged_key_opens_no_door() {
    let place = Place::new();
    fs::create_dir_all(place.layout().keys()).expect("made");
    let file = place.layout().keys().join("a.pub");
    for text in ["", "untrusted comment: x\n", "untrusted comment: x\nAAAA\n", "not base64!\n", &"A".repeat(5000)] {
        fs::write(&file, text).expect("written");
        let error = Keys::read(&place.layout()).expect_err("no key").to_string();
        assert_eq!(error, format!("{} is no public key of minisign's", file.display()));
    }
    let version = manifest(1).version;
    assert!(matches!(place.store().check_trust(&version, false), Err(TrustError::Keys(_))));
}
