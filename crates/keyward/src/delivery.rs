//! Handing messages over: emails to a mail server, SMS to what the operator named for it.

use std::error::Error;
use std::fmt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyward_core::keyward::Keyward;
use keyward_core::message::{Channel, Message};
use lettre::address::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use reqwest::Url;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::client::is_loopback;
use crate::complaint::Complaint;
use crate::config::{self, Config, Mail, SmsGateway, SmtpSecurity};

/// Messages under way at once: connections to the mail server, most of which allow one client ten or more.
const AT_ONCE: usize = 8;
/// How often to look for what another server made and left, or what is to be tried again.
const LOOK_ROUND: Duration = Duration::from_secs(2);
/// The longest that handing one over may take; well within the time for which it is given to nobody else.
const ATTEMPT: Duration = Duration::from_mins(1);
/// How long what is under way may take to finish when the server stops.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// What hands messages over, as far as it is set up.
#[derive(Debug)]
pub struct Courier {
    keyward: Arc<Keyward>,
    mailer: Option<Mailer>,
    texter: Option<Texter>,
}

/// A courier at work.
#[derive(Debug)]
pub struct Delivering {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Why a message was not handed over; neither its address nor its content is in it.
#[derive(Debug)]
struct NotSent {
    reason: String,
    /// Whether no further attempt would succeed.
    is_hopeless: bool,
}

#[derive(Debug)]
struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

#[derive(Debug)]
enum Texter {
    Command { program: String, arguments: Vec<String> },
    Webhook { http: reqwest::Client, url: Url },
}

impl NotSent {
    fn now(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), is_hopeless: false }
    }

    fn ever(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), is_hopeless: true }
    }
}

impl Courier {
    /// The courier that these settings make.
    pub fn new(config: &Config, keyward: &Arc<Keyward>) -> Result<Self, Complaint> {
        let mailer = config.mail.as_ref().map(|mail| Mailer::new(mail, &config.public_url())).transpose()?;
        let texter = config.sms.as_ref().map(Texter::new).transpose()?;
        Ok(Self { keyward: Arc::clone(keyward), mailer, texter })
    }

    /// Begins to hand messages over.
    pub fn start(self) -> Delivering {
        let (stop, stopped) = oneshot::channel();
        Delivering { stop, task: tokio::spawn(Arc::new(self).run(stopped)) }
    }

    async fn run(self: Arc<Self>, mut stopped: oneshot::Receiver<()>) {
        let mut under_way = JoinSet::new();
        let mut is_lost = false;
        loop {
            let room = AT_ONCE - under_way.len();
            if room > 0 {
                match self.keyward.take_messages(room).await {
                    Ok(messages) => {
                        is_lost = false;
                        for message in messages {
                            under_way.spawn(Arc::clone(&self).hand_over(message));
                        }
                    }
                    Err(error) if !is_lost => {
                        tracing::warn!(cause = ?error.cause, "messages can't be read; they wait");
                        is_lost = true;
                    }
                    Err(_) => {}
                }
            }
            tokio::select! {
                _ = &mut stopped => break,
                Some(_) = under_way.join_next() => {}
                () = self.keyward.message_made(), if under_way.len() < AT_ONCE => {}
                () = tokio::time::sleep(LOOK_ROUND) => {}
            }
        }
        let finish = async { while under_way.join_next().await.is_some() {} };
        if timeout(LAST_MOMENTS, finish).await.is_err() {
            tracing::warn!(count = under_way.len(), "messages that were under way may be sent once more");
        }
    }

    async fn hand_over(self: Arc<Self>, message: Message) {
        let sent = match (message.channel, &self.mailer, &self.texter) {
            (Channel::Email, Some(mailer), _) => timeout(ATTEMPT, mailer.send(&message)).await,
            (Channel::Sms, _, Some(texter)) => timeout(ATTEMPT, texter.send(&message)).await,
            _ => Ok(Err(NotSent::now("there is no way to send it any more"))),
        };
        let sent = sent.unwrap_or_else(|_| Err(NotSent::now("it took too long")));
        let noted = match sent {
            Ok(()) => self.keyward.message_sent(&message).await,
            Err(NotSent { reason, is_hopeless }) => {
                let (id, channel, tries) = (&message.id, message.channel.as_str(), message.tries);
                tracing::warn!(message_id = id, channel, tries, reason, "a message was not sent");
                self.keyward.message_not_sent(&message, is_hopeless).await
            }
        };
        if let Err(error) = noted {
            let id = &message.id;
            tracing::warn!(message_id = id, cause = ?error.cause, "a message may be sent once more");
        }
    }
}

impl Delivering {
    /// Lets what is under way finish, for two seconds at most; what waits is sent after the next start.
    pub async fn stop(self) {
        drop(self.stop);
        // It ends by a panic at worst, which was told of where it happened.
        let _ = self.task.await;
    }
}

impl Mailer {
    fn new(mail: &Mail, public_url: &str) -> Result<Self, Complaint> {
        let server = &mail.server;
        let encrypted = || {
            TlsParameters::new(server.host.clone()).map_err(|error| {
                Complaint::new(format!("TLS to the mail server can't be set up: {error}."))
                    .hint("It needs this machine's certificates (the package ca-certificates).")
            })
        };
        let tls = match server.security {
            SmtpSecurity::Tls => Tls::Wrapper(encrypted()?),
            SmtpSecurity::StartTls => Tls::Required(encrypted()?),
            SmtpSecurity::None => Tls::None,
        };
        // No pool: a connection that was given up in the middle of a message must not meet the next one.
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(ATTEMPT));
        let own_name = Url::parse(public_url).ok();
        if let Some(name) = own_name.as_ref().and_then(Url::domain).filter(|name| name.contains('.')) {
            transport = transport.hello_name(ClientId::Domain(name.to_owned()));
        }
        if let Some(username) = &server.username {
            let password = match (&server.password, &mail.password_file) {
                (Some(password), _) => password.expose().to_owned(),
                (None, Some(file)) => std::fs::read_to_string(file)
                    .map(|password| password.trim_end_matches(['\r', '\n']).to_owned())
                    .map_err(|error| {
                        Complaint::new(format!("The file {} can't be read: {error}.", file.display()))
                            .hint("smtp_password_file names it; make sure that this user may read it.")
                    })?,
                (None, None) => String::new(),
            };
            transport = transport.credentials(Credentials::new(username.clone(), password));
        }
        Ok(Self { transport: transport.build(), from: mail.from.clone() })
    }

    async fn send(&self, message: &Message) -> Result<(), NotSent> {
        self.transport.send(self.email(message)?).await.map(drop).map_err(|error| why_not(&error))
    }

    fn email(&self, message: &Message) -> Result<lettre::Message, NotSent> {
        let content = &message.content;
        let to: Address =
            content.to.expose().parse().map_err(|_| NotSent::ever("that is no email address"))?;
        let made_at = u64::try_from(message.created_at_ms).unwrap_or(0);
        let body = content.body.expose().to_owned();
        lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(content.subject.expose())
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(made_at))
            // The same in each attempt, so that who gets it twice may notice.
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            // Nobody's absence note is wanted (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .singlepart(if content.is_html { SinglePart::html(body) } else { SinglePart::plain(body) })
            .map_err(|error| NotSent::ever(format!("it can't be written as an email: {error}")))
    }
}

/// A server's words are not repeated: they tend to have the address in them.
fn why_not(error: &lettre::transport::smtp::Error) -> NotSent {
    match error.status().map(u16::from) {
        // There is no such mailbox, or it takes nothing from us (RFC 5321 §4.2.3).
        Some(status @ 550..=553) => NotSent::ever(format!("the mail server answered {status}")),
        Some(status) => NotSent::now(format!("the mail server answered {status}")),
        None if error.is_response() => NotSent::now("the mail server's answer isn't SMTP"),
        None => NotSent::now(chain(error)),
    }
}

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Texter {
    fn new(gateway: &SmsGateway) -> Result<Self, Complaint> {
        match gateway {
            SmsGateway::Command(words) => {
                let (program, arguments) = words.split_first().ok_or_else(|| {
                    Complaint::usage("The setting sms_command names no program.").hint("Leave it out.")
                })?;
                Ok(Self::Command { program: program.clone(), arguments: arguments.to_vec() })
            }
            SmsGateway::Webhook(url) => {
                let unusable = |error: &dyn fmt::Display| {
                    Complaint::new(format!("The setting sms_webhook can't be used: {error}."))
                };
                let url = Url::parse(url.expose()).map_err(|error| unusable(&error))?;
                let mut http = reqwest::Client::builder()
                    .timeout(ATTEMPT)
                    .redirect(reqwest::redirect::Policy::none())
                    .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")));
                if url.scheme() == "http" {
                    http = http.tls_certs_only([]);
                }
                if is_loopback(&url) {
                    http = http.no_proxy();
                }
                let http = http.build().map_err(|error| unusable(&error))?;
                Ok(Self::Webhook { http, url })
            }
        }
    }

    async fn send(&self, message: &Message) -> Result<(), NotSent> {
        let document = json!({
            "id": message.id,
            "pool_id": message.pool_id,
            "to": message.content.to,
            "text": message.content.body,
        });
        match self {
            Self::Command { program, arguments } => {
                call(Command::new(program).args(arguments), document.to_string().as_bytes()).await
            }
            Self::Webhook { http, url } => {
                let request = http.post(url.clone()).header("Idempotency-Key", &message.id).json(&document);
                let answer =
                    request.send().await.map_err(|error| NotSent::now(chain(&error.without_url())))?;
                match answer.status() {
                    status if status.is_success() => Ok(()),
                    status => Err(NotSent::now(format!("the webhook answered {}", status.as_u16()))),
                }
            }
        }
    }
}

/// Runs a program with `input` on its stdin: what stands on a command line or in an environment, other
/// programs can read. What it prints goes nowhere, for it may have the number or the text in it.
async fn call(command: &mut Command, input: &[u8]) -> Result<(), NotSent> {
    for own in config::own_variables() {
        command.env_remove(own);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| NotSent::now(format!("sms_command can't be started: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who doesn't read it to the end says by the exit code whether that matters.
        let _ = stdin.write_all(input).await;
    }
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(NotSent::now(format!("sms_command ended with {status}"))),
        Err(error) => Err(NotSent::now(format!("sms_command can't be waited for: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use keyward_core::message::Content;

    use super::*;

    fn written(to: &str, subject: &str, body: &str, is_html: bool) -> Result<String, NotSent> {
        let config = ["--smtp-url", "smtp://localhost", "--mail-from", "Keyward <keyward@example.com>"];
        let mail = Config::from_flags(&config).unwrap().mail.unwrap();
        let mailer = Mailer::new(&mail, "https://keyward.example.com").unwrap();
        let content = Content { to: to.into(), subject: subject.into(), body: body.into(), is_html };
        let message = Message {
            id: "01a2ce8b-d400-7000-9fe7-da547442a39b".into(),
            pool_id: "us-east-1_k3Y9wRd0A".into(),
            channel: Channel::Email,
            content,
            created_at_ms: 1_800_014_400_000,
            expires_at_ms: 1_800_018_000_000,
            tries: 1,
            event_id: String::new(),
        };
        mailer.email(&message).map(|email| String::from_utf8(email.formatted()).unwrap())
    }

    #[tokio::test]
    async fn an_email_is_written_as_others_read_it() {
        let email = written("ada@example.com", "Grüße", "<b>Zoë</b>: 123456", true).unwrap();

        insta::assert_snapshot!(email.replace('\r', ""), @r"
        From: Keyward <keyward@example.com>
        To: ada@example.com
        Subject: =?utf-8?b?R3LDvMOfZQ==?=
        Date: Fri, 15 Jan 2027 12:00:00 +0000
        Message-ID: <01a2ce8b-d400-7000-9fe7-da547442a39b@example.com>
        Auto-Submitted: auto-generated
        MIME-Version: 1.0
        Content-Type: text/html; charset=utf-8
        Content-Transfer-Encoding: quoted-printable

        <b>Zo=C3=AB</b>: 123456
        ");
    }

    #[tokio::test]
    async fn nothing_in_a_message_becomes_a_header_or_another_recipient() {
        let email =
            written("ada@example.com", "Hello\r\nBcc: eve@example.com\r\n\r\nEve", "x", false).unwrap();

        let (head, body) = email.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_ascii_lowercase().contains("\nbcc"), "{head}");
        assert_eq!(body, "x\r\n");
        for to in [
            "ada@example.com, eve@example.com",
            "ada@example.com>\r\nRCPT TO:<eve@example.com",
            "Ada <ada@example.com>",
            "ada@example.com eve@example.com",
            "ada",
            "@",
        ] {
            assert!(written(to, "", "", false).is_err_and(|error| error.is_hopeless), "{to}");
        }
    }
}
