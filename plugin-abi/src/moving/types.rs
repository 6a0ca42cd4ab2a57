//! The process types of this plugin that move: those that [`application!`](crate::application!) lists, and supervisors.

use super::carried::Arrival;
use crate::abi::ProcessFuture;
use crate::ffi;
use crate::state::{Chain, StateError};
use crate::supervisor;
use std::any::{Any, TypeId};
use std::sync::OnceLock;

type Convert = fn(u32, &[u8], u32) -> Result<Vec<u8>, StateError>;

/// A process type that moves. Made by [`application!`](crate::application!).
#[derive(Debug)]
pub struct MovingType {
    pub(crate) id: fn() -> TypeId,
    pub(crate) chain: &'static Chain,
    /// Writes a state of that type, as that version.
    pub(crate) write: fn(&dyn Any, u32) -> Result<Vec<u8>, StateError>,
    /// Makes the process of what its loop has written, in that version of the state.
    pub(crate) restore: fn(u32, &[u8]) -> Result<ProcessFuture, StateError>,
    /// Writes what a loop has written in the first version again, in the second.
    pub(crate) convert: Convert,
}

static TYPES: OnceLock<&'static [&'static MovingType]> = OnceLock::new();

/// At the image's beginning. That no name stands there twice was checked when it was compiled.
pub(crate) fn set_types(types: &'static [&'static MovingType]) -> Result<(), String> {
    TYPES.set(types).map_err(|_| "this image was initialised before".to_owned())
}

fn all() -> impl Iterator<Item = &'static MovingType> {
    let listed = TYPES.get().copied().unwrap_or_default();
    listed.iter().copied().chain(supervisor::moving_type())
}

/// The type of that state's name.
pub(crate) fn find(name: &str) -> Option<&'static MovingType> {
    all().find(|moving| moving.chain.name == name)
}

/// What a process of the type with that identity moves by.
pub(crate) fn of_type(id: TypeId) -> Option<&'static MovingType> {
    all().find(|moving| (moving.id)() == id)
}

impl MovingType {
    /// Makes the process of what its loop has written. Dropped unpolled, it touches nothing that has moved with it.
    pub(crate) fn restore(&self, version: u32, bytes: &[u8]) -> Result<ProcessFuture, StateError> {
        let (arrival, process) = Arrival::reading(|| (self.restore)(version, bytes));
        process.inspect(|process| ffi::set_arrival(process, arrival))
    }
}
