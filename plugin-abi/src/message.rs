//! What can be sent: values that can be translated for another version, and values that cannot.
//!
//! Between processes of one image a message moves as it is. To a process of another image (an older or newer version, another plugin)
//! it is encoded by the sender's image and decoded by the receiver's, by the type's name; so both must know a type of that name,
//! and fields can be added with `#[serde(default)]`.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can be sent. Every type that serde knows is one; what cannot be encoded, such as a socket or a closure, is sent as
/// [`Local`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to a process",
    label = "neither encodable nor `Local`",
    note = "derive serde's `Serialize` and `Deserialize` for it, so that processes of other versions understand it; \
            or send it as `plugin_abi::Local<{Self}>`, to processes of the same version only"
)]
pub trait Message: Send + Sized + 'static {
    /// How it is translated. `None`: it stays within its image.
    #[doc(hidden)]
    const CODEC: Option<Codec<Self>>;
}

/// Both ways.
#[doc(hidden)]
#[derive(Debug)]
pub struct Codec<M> {
    pub(crate) encode: fn(&M) -> Option<Vec<u8>>,
    pub(crate) decode: fn(&[u8]) -> Option<M>,
}

impl<M: Serialize + DeserializeOwned + Send + 'static> Message for M {
    const CODEC: Option<Codec<Self>> = Some(Codec {
        encode: |value| rmp_serde::to_vec_named(value).ok(),
        decode: |bytes| rmp_serde::from_slice(bytes).ok(),
    });
}

/// A message that only processes of the sender's own version can receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Local<T>(pub T);

impl<T: Send + 'static> Message for Local<T> {
    const CODEC: Option<Codec<Self>> = None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[test]
    fn a_field_that_was_added_reads_as_its_default() {
        #[derive(Serialize, Deserialize)]
        struct Old {
            room: String,
        }
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct New {
            #[serde(default)]
            color: u8,
            room: String,
        }
        let (old, new) = (Old::CODEC.expect("encodable"), New::CODEC.expect("encodable"));
        let bytes = (old.encode)(&Old { room: "lobby".to_owned() }).expect("bytes");
        let read = New { color: 0, room: "lobby".to_owned() };
        assert_eq!((new.decode)(&bytes).as_ref(), Some(&read));
        let bytes = (new.encode)(&New { color: 7, ..read }).expect("bytes");
        assert_eq!((old.decode)(&bytes).expect("an old one").room, "lobby");
    }
}
