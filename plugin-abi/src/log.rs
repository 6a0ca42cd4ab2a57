//! `tracing` in a plugin: each image has its own dispatcher, whose events go to the node's log.

use crate::abi::{LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_TRACE, LOG_WARN};
use crate::ffi::{self, Event};
use std::fmt::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// Installs the image's dispatcher; an application that has installed its own keeps it.
pub(crate) fn install() {
    let subscriber = Registry::default().with(Forward);
    let _: Result<(), _> = tracing::subscriber::set_global_default(subscriber);
}

/// What is logged has changed: the node is asked anew for each place that logs.
pub(crate) fn ask_again() {
    tracing::callsite::rebuild_interest_cache();
}

/// What the node has said of a place is kept there until it says otherwise, so that an event that nobody wants costs a look at one word.
struct Forward;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Forward {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        is_enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match ffi::log_level() {
            LOG_ERROR => LevelFilter::ERROR,
            LOG_WARN => LevelFilter::WARN,
            LOG_INFO => LevelFilter::INFO,
            LOG_DEBUG => LevelFilter::DEBUG,
            LOG_TRACE => LevelFilter::TRACE,
            _ => LevelFilter::OFF,
        })
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let Some(span) = cx.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, cx: Context<'_, S>) {
        let Some(span) = cx.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in cx.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.extend(of_span);
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        ffi::log(&Event {
            level: number(*metadata.level()),
            line: metadata.line().unwrap_or(0),
            file: metadata.file().unwrap_or(""),
            target: metadata.target(),
            message: &fields.message,
            fields: &fields.object(),
        });
    }
}

/// Of spans, fields are wanted for whatever is logged within.
fn is_enabled(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() || ffi::log_enabled(number(*metadata.level()), metadata.target())
}

fn number(level: Level) -> u32 {
    match level {
        Level::ERROR => LOG_ERROR,
        Level::WARN => LOG_WARN,
        Level::INFO => LOG_INFO,
        Level::DEBUG => LOG_DEBUG,
        Level::TRACE => LOG_TRACE,
    }
}

/// An event's message, and its other fields as the members of a JSON object.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    members: String,
}

impl Fields {
    fn object(&self) -> String {
        if self.members.is_empty() { String::new() } else { format!("{{{}}}", self.members) }
    }

    fn extend(&mut self, other: &Self) {
        if !self.members.is_empty() && !other.members.is_empty() {
            self.members.push(',');
        }
        self.members.push_str(&other.members);
    }

    fn name(&mut self, field: &Field) {
        if !self.members.is_empty() {
            self.members.push(',');
        }
        push_json_text(&mut self.members, field.name());
        self.members.push(':');
    }

    fn number(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field);
        let _: fmt::Result = write!(self.members, "{value}");
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.number(field, format_args!("{value:?}"));
        } else {
            // JSON has no such numbers.
            self.record_debug(field, &value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
            return;
        }
        self.name(field);
        push_json_text(&mut self.members, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// A string in JSON (RFC 8259, section 7).
fn push_json_text(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            c if c < ' ' => {
                let _: fmt::Result = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn text_is_escaped_as_json_wants_it() {
        let mut json = String::new();
        push_json_text(&mut json, "a\"b\\c\nd\u{1}é");
        assert_eq!(json, "\"a\\\"b\\\\c\\nd\\u0001é\"");
    }

    /// Keeps what the last event would have been logged with.
    #[derive(Clone, Default)]
    struct Keep(Arc<Mutex<Fields>>);

    impl<S: Subscriber> Layer<S> for Keep {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            *self.0.lock().expect("no test panics with it") = fields;
        }
    }

    #[test]
    fn an_events_fields_are_a_json_object_and_its_message_is_apart() {
        let keep = Keep::default();
        let text = Some("t\"");
        tracing::subscriber::with_default(Registry::default().with(keep.clone()), || {
            tracing::info!(i = -1, f = 1.5, big = 1e300, nan = f64::NAN, b = true, text, "hello {}", "you");
        });
        let fields = keep.0.lock().expect("no test panics with it");
        assert_eq!(fields.message, "hello you");
        assert_eq!(fields.object(), r#"{"i":-1,"f":1.5,"big":1e300,"nan":"NaN","b":true,"text":"t\""}"#);
    }
}
