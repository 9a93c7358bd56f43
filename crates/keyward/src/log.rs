//! The log: lines on stderr, for people or as JSON, each with the id of the request that it is about.
//!
//! Our own form rather than tracing-subscriber's, for two reasons: the request's id comes from beside the task
//! (see [`crate::http`]), not from a span that every request would have to pay for; and what a line holds can't
//! break out of it, so nobody writes lines of their choice into the log.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::io;
use std::panic;

use keyward_core::clock::{Clock, rfc3339};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;
use crate::http::with_current_request_id;

/// Writes the log of this process to stderr from now on. A second call changes nothing.
pub fn start(format: LogFormat, level: LevelFilter) {
    if tracing::subscriber::set_global_default(subscriber(format, level, io::stderr)).is_ok() {
        // What a panic says may hold a secret: slicing a text in the wrong place prints the text.
        panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            tracing::error!(place, "a part of the server panicked, which is a defect");
        }));
    }
}

/// A log into `writer`. What others than Keyward say is written from `warn` on only: below that, the HTTP
/// libraries tell of headers, and so of credentials.
pub fn subscriber<W>(format: LogFormat, level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let others = level.min(LevelFilter::WARN);
    // It calls whatever a browser sends that is no passkey an error; whoever sent it is told.
    let targets = Targets::new().with_target("webauthn_rs_core", LevelFilter::OFF);
    let targets = targets.with_target("keyward", level).with_default(others);
    let lines = tracing_subscriber::fmt::layer().event_format(Lines(format)).with_writer(writer);
    tracing_subscriber::registry().with(targets).with(lines)
}

/// The form of a line.
struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        with_current_request_id(|id| {
            fields.others.entry("request_id").or_insert_with(|| Value::from(id));
        });
        let time = rfc3339(Clock::System.now_ms());
        let metadata = event.metadata();
        match self.0 {
            LogFormat::Text => {
                write!(writer, "{time} {:>5} {}: ", metadata.level(), metadata.target())?;
                write_on_one_line(&mut writer, &fields.message)?;
                for (name, value) in &fields.others {
                    write!(writer, " {name}=")?;
                    match value {
                        Value::String(text) if is_one_word(text) => writer.write_str(text)?,
                        // Quoted and escaped as in JSON.
                        value => write!(writer, "{value}")?,
                    }
                }
                writeln!(writer)
            }
            LogFormat::Json => {
                fields.others.insert("time", time.into());
                fields.others.insert("level", metadata.level().as_str().into());
                fields.others.insert("target", metadata.target().into());
                fields.others.insert("message", fields.message.into());
                let object: Map<String, Value> =
                    fields.others.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                writeln!(writer, "{}", Value::Object(object))
            }
        }
    }
}

fn is_one_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

fn write_on_one_line(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|character| {
        if character.is_control() {
            write!(writer, "{}", character.escape_default())
        } else {
            writer.write_char(character)
        }
    })
}

/// What an event says: its message and its fields, in the order of their names.
#[derive(Default)]
struct Fields {
    message: String,
    others: BTreeMap<&'static str, Value>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.others.insert(field.name(), format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.others.insert(field.name(), value.into());
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.others.insert(field.name(), ((value * 1000.0).round() / 1000.0).into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.others.insert(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.others.insert(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.others.insert(field.name(), value.into());
    }
}

/// What tests have the log write. One log for all of them, since tracing keeps what it knows of its lines for
/// the whole process; each test sees what its own thread wrote.
#[cfg(test)]
pub(crate) mod captured {
    use std::cell::RefCell;
    use std::io;

    use super::{LevelFilter, LogFormat, subscriber};

    thread_local! {
        static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    struct Capture;

    impl io::Write for Capture {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            LINES.with_borrow_mut(|lines| lines.write(bytes))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// From now on.
    pub(crate) fn start() {
        let _ =
            tracing::subscriber::set_global_default(subscriber(LogFormat::Text, LevelFilter::DEBUG, || {
                Capture
            }));
        LINES.take();
    }

    /// The lines so far, without their times.
    pub(crate) fn take() -> String {
        let text = String::from_utf8(LINES.take()).unwrap();
        let without_times = |line: &str| {
            let line = line[25..].trim_start();
            match line.split_once(" milliseconds=") {
                Some((start, end)) => start.to_owned() + end.trim_start_matches(|character| character != ' '),
                None => line.to_owned(),
            }
        };
        text.lines().map(without_times).collect::<Vec<_>>().join("\n")
    }
}
