//! Functions that applications give the console: each call goes to the version that is current by then.

use super::Tools;
use super::limits::Leash;
use crate::image::{self, Image};
use crate::observe;
use rhai::{Dynamic, Engine, EvalAltResult};
use serde_json::Value;
use std::collections::HashSet;

type Answer = Result<Dynamic, Box<EvalAltResult>>;

/// A function, by the name that the console has it under.
struct Function {
    name: String,
    image: &'static Image,
    index: usize,
}

/// Of the current version. With several plugins, names begin with the plugin's.
fn functions(tools: &Tools) -> Vec<Function> {
    let images = (tools.images)();
    let is_one = images.len() == 1;
    let all = images.into_iter().flat_map(|image| {
        image.console.iter().enumerate().map(move |(index, name)| {
            let name = if is_one { (*name).to_owned() } else { format!("{}_{name}", image.plugin.replace('-', "_")) };
            Function { name, image, index }
        })
    });
    // A plugin's name before it may make a word of it that means something else.
    all.filter(|function| !image::is_taken(&function.name)).collect()
}

/// Their names.
pub(super) fn names(tools: &Tools) -> Vec<String> {
    functions(tools).into_iter().map(|function| function.name).collect()
}

/// Has the engine know those that it does not know yet: another version may have become current.
pub(super) fn register(engine: &mut Engine, tools: &Tools, leash: &Leash, known: &mut HashSet<String>) {
    for name in names(tools) {
        if known.insert(name.clone()) {
            register_one(engine, &name, tools, leash);
        }
    }
}

/// With as many arguments as it may take.
fn register_one(engine: &mut Engine, name: &str, tools: &Tools, leash: &Leash) {
    let call = {
        let (name, tools, leash) = (name.to_owned(), tools.clone(), leash.clone());
        move |arguments: &[Dynamic]| call(&name, arguments, &tools, &leash)
    };
    let act = call.clone();
    engine.register_fn(name, move || act(&[]));
    let act = call.clone();
    engine.register_fn(name, move |a: Dynamic| act(&[a]));
    let act = call.clone();
    engine.register_fn(name, move |a: Dynamic, b: Dynamic| act(&[a, b]));
    let act = call.clone();
    engine.register_fn(name, move |a: Dynamic, b: Dynamic, c: Dynamic| act(&[a, b, c]));
    engine.register_fn(name, move |a: Dynamic, b: Dynamic, c: Dynamic, d: Dynamic| call(&[a, b, c, d]));
}

fn call(name: &str, arguments: &[Dynamic], tools: &Tools, leash: &Leash) -> Answer {
    let refused = |why: &str| Box::<EvalAltResult>::from(format!("{name}: {why}"));
    let found = functions(tools).into_iter().find(|function| function.name == name);
    let Function { image, index, .. } = found.ok_or_else(|| refused("the version that is current has it no more"))?;
    let arguments: Vec<Value> = arguments.iter().map(rhai::serde::from_dynamic).collect::<Result<_, _>>()?;
    let arguments = serde_json::to_vec(&arguments).map_err(|error| refused(&error.to_string()))?;
    let answer = leash.aside(|| observe::call(image, index, &arguments, || leash.holds()));
    let answer: Value = serde_json::from_slice(&answer.map_err(|why| refused(&why))?)
        .map_err(|error| refused(&format!("its answer is no JSON: {error}")))?;
    rhai::serde::to_dynamic(answer)
}

#[cfg(test)]
mod tests {
    use super::super::functions;
    use crate::image;

    #[test]
    fn an_application_cannot_take_the_name_of_what_is_there() {
        for name in functions::names() {
            assert!(image::is_taken(&name), "{name} is missing in image/exported.rs");
        }
    }
}
