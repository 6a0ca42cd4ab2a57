//! `keys`: makes keys to sign releases with, and says whose releases a node takes.

use crate::answers::{self, Answer, Generated, KeyChange, KeyEntry};
use crate::cli::KeysCommand;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::signer::{self, PASSWORD};
use crate::table::table;
use minisign::KeyPair;
use runtime::release::keys::{Key, KeyError, Keys};
use runtime::release::layout::Layout;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub(super) fn keys(context: &Context, command: &KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Generate { file, password } => generate(context, file, *password),
        KeysCommand::List => list(context),
        KeysCommand::Trust { key } => trust(context, key),
        KeysCommand::Revoke { key } => revoke(context, key),
    }
}

/// The secret key where it was asked for, the public one beside it. No key is ever overwritten.
fn generate(context: &Context, file: &Path, with_password: bool) -> Result<(), Failure> {
    let public_file = file.with_extension("pub");
    if public_file == file {
        let message = format!("{} is the name of a public key's file", file.display());
        return Err(Failure::new(ExitCode::Usage, message).hint("name the secret key's, such as release.key"));
    }
    let pair = if with_password {
        KeyPair::generate_encrypted_keypair(Some(new_password()?))
    } else {
        KeyPair::generate_unencrypted_keypair()
    };
    let unmade = |error: minisign::PError| Failure::error(format!("no key can be made: {error}"));
    let pair = pair.map_err(unmade)?;
    let secret = pair.sk.to_box(Some("cargo-system secret key")).map_err(unmade)?.into_string();
    let public = format!("untrusted comment: cargo-system public key\n{}\n", pair.pk.to_base64());
    let key = Key::parse(&public).ok_or_else(|| Failure::error("the key that was made is no key"))?;
    write_new(file, 0o600, &secret)?;
    write_new(&public_file, 0o644, &public).inspect_err(|_| {
        // One without the other is of no use, and nobody has seen it.
        let _: io::Result<()> = fs::remove_file(file);
    })?;
    if context.json() {
        let [secret, public] = [file, &public_file].map(|file| file.display().to_string());
        output::json(Answer::Generated(Generated { id: key.id.to_string(), secret, public }));
    } else {
        output::note(&format!("key {}: keep {} secret; trust the other one with", key.id, file.display()));
        output::note(&format!("cargo system keys trust {}", public_file.display()));
        output::line(&public_file.display().to_string());
    }
    Ok(())
}

fn new_password() -> Result<String, Failure> {
    if let Ok(password) = std::env::var(PASSWORD) {
        return Ok(password);
    }
    let password = signer::ask("password for the new key: ")?;
    if signer::ask("once more: ")? != password {
        return Err(Failure::error("the passwords differ").hint("nothing was made: try again"));
    }
    Ok(password)
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    let written = File::options().write(true).create_new(true).mode(mode).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::error(format!("{} exists already, and no key is overwritten", path.display()))
                .hint("give another name")
        }
        _ => Failure::error(format!("{} cannot be written: {error}", path.display()))
            .hint("name a file in a folder that is there, and that you may write to"),
    })
}

fn list(context: &Context) -> Result<(), Failure> {
    let layout = context.node()?.layout;
    let keys = Keys::read(&layout)?;
    if context.json() {
        let entry = |key: &Key| KeyEntry { id: key.id.to_string(), comment: key.comment.clone() };
        output::json(Answer::Keys(answers::Keys {
            demands_signatures: keys.demand_signatures(),
            trusted: keys.trusted.iter().map(entry).collect(),
            revoked: keys.revoked.iter().map(entry).collect(),
        }));
    } else if keys.demand_signatures() {
        output::line(render(&keys).trim_end());
    } else {
        output::note("no keys: this node takes unsigned releases; cargo system keys trust FILE changes that");
    }
    Ok(())
}

fn render(keys: &Keys) -> String {
    let row = |state: &str, key: &Key| [key.id.to_string(), state.to_owned(), key.comment.clone()];
    let trusted = keys.trusted.iter().map(|key| row("trusted", key));
    let rows: Vec<_> = trusted.chain(keys.revoked.iter().map(|key| row("revoked", key))).collect();
    table(["KEY", "STATE", "COMMENT"], &rows)
}

fn trust(context: &Context, key: &str) -> Result<(), Failure> {
    let layout = context.node()?.layout;
    let keys = Keys::read(&layout)?;
    let key = given(key)?;
    keys.trust(&layout, &key).map_err(|error| match error {
        KeyError::Revoked(_) => Failure::from(error).refusal(),
        _ => Failure::from(error),
    })?;
    conclude(context, "trusted", &key, &layout, Answer::Trusted);
    Ok(())
}

fn revoke(context: &Context, key: &str) -> Result<(), Failure> {
    let layout = context.node()?.layout;
    let keys = Keys::read(&layout)?;
    let key = if Path::new(key).exists() || Key::parse(key).is_some() {
        given(key)?
    } else {
        keys.find(&layout, key)?.clone()
    };
    keys.revoke(&layout, &key)?;
    conclude(context, "revoked", &key, &layout, Answer::Revoked);
    Ok(())
}

/// A public key's file, or the key itself.
fn given(key: &str) -> Result<Key, Failure> {
    match Key::parse(key) {
        Some(key) => Ok(key),
        None => Key::read(Path::new(key)).map_err(|error| {
            Failure::error(error).hint("cargo system keys generate makes FILE.pub beside the secret key")
        }),
    }
}

fn conclude(context: &Context, outcome: &str, key: &Key, layout: &Layout, answer: fn(KeyChange) -> Answer) {
    if context.json() {
        output::json(answer(KeyChange { id: key.id.to_string(), root: layout.root().display().to_string() }));
    } else {
        output::line(&format!("{} is {outcome} in {}", key.id, layout.root().display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_whose_releases_are_taken() {
        let key = "untrusted comment: of CI\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";
        let key = Key::parse(key).expect("minisign's own");
        let mut nameless = key.clone();
        nameless.comment.clear();
        let keys = Keys { trusted: vec![key], revoked: vec![nameless] };
        let expected = "\
KEY               STATE    COMMENT
E7620F1842B4E81F  trusted  of CI
E7620F1842B4E81F  revoked
";
        assert_eq!(render(&keys), expected);
    }
}
