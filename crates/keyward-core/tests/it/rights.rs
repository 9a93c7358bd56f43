//! Nobody grants above their own rights, whatever acts of the core they combine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use keyward_core::access::{self, Credential};
use keyward_core::api_key::{ApiKeyQuery, ApiKeyUpdate, ImportedApiKey};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Result};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::mfa_preference::MfaChange;
use keyward_core::local_pool::sign_in::{Answer, Question, SignIn, SignInRequest};
use keyward_core::page::Cursor;
use keyward_core::provisioning::FirstAdmin;
use keyward_core::role::{NewRole, RoleUpdate};
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, UserQuery, UserUpdate};

use serde_json::{Value, json};

use crate::escalation::{About, Act, Outcome, Rights, Surface, nobody_gains_rights};
use crate::support::{SECOND_MS, TestDatabase, key, new_key, one_time_code, sha256_hex, texts};

#[test]
fn nobody_gains_rights_by_any_acts_on_sqlite() {
    nobody_gains_rights(50, async || Core::open(TestDatabase::sqlite().await).await);
}

#[test]
fn nobody_gains_rights_by_any_acts_on_postgres() {
    nobody_gains_rights(16, async || Core::open(TestDatabase::postgres().await).await);
}

/// The core itself, as the surface that all others call.
struct Core {
    keyward: Arc<Keyward>,
    admin: String,
    /// The secrets of the software tokens that were set up, by the user's name.
    software_tokens: Mutex<HashMap<String, Secret>>,
    _database: TestDatabase,
}

impl Core {
    async fn open(database: TestDatabase) -> Self {
        let keyward = database.keyward().await;
        let first = FirstAdmin { email: "ada@example.com".into(), password: None };
        keyward.bootstrap(first).await.unwrap();
        let admin = key(&keyward, "admin", "ada@example.com").await.secret.expose().to_owned();
        Self { keyward, admin, software_tokens: Mutex::default(), _database: database }
    }

    async fn caller(&self, authorization: &str) -> Option<Caller> {
        let credential = Credential::parse(authorization).unwrap();
        self.keyward.authenticate(&credential, Origin::default()).await.ok()
    }

    async fn key_id(&self, name: &str) -> String {
        let query = ApiKeyQuery { name: Some(name.into()), ..ApiKeyQuery::default() };
        let found = self.keyward.list_api_keys(&Caller::operator(), &query).await.unwrap();
        found.items.into_iter().next().map_or_else(|| "unknown".into(), |key| key.id)
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Option<Secret>> {
        let keyward = &self.keyward;
        match act {
            Act::CreateRole { role, permissions, mfa_required } => {
                let new = NewRole {
                    name: (*role).into(),
                    description: "A role".into(),
                    permissions: texts(permissions),
                    mfa_required: *mfa_required,
                    ..NewRole::default()
                };
                keyward.create_role(caller, new).await.map(|_| None)
            }
            Act::ChangeRole { role, permissions, mfa_required } => {
                let update = RoleUpdate {
                    permissions: permissions.as_deref().map(texts),
                    mfa_required: *mfa_required,
                    ..RoleUpdate::default()
                };
                keyward.update_role(caller, role, update).await.map(|_| None)
            }
            Act::DeleteRole { role } => keyward.delete_role(caller, role, None).await.map(|_| None),
            Act::CreateUser { user, roles } => {
                let new = NewUser {
                    username: (*user).into(),
                    roles: texts(roles),
                    program: !user.contains('@'),
                    ..NewUser::default()
                };
                keyward.create_user(caller, new).await.map(|made| made.temporary_password)
            }
            Act::AssignRoles { user, roles } => {
                keyward.assign_roles(caller, user, &texts(roles)).await.map(|_| None)
            }
            Act::SetRoles { user, roles } => {
                keyward.set_roles(caller, user, &texts(roles), None).await.map(|_| None)
            }
            Act::RemoveRole { user, role } => {
                keyward.remove_role(caller, user, role, None).await.map(|()| None)
            }
            Act::ResetPassword { user } => {
                keyward.reset_password(caller, user).await.map(|reset| reset.temporary_password)
            }
            Act::ChangeAddress { user } => {
                let update =
                    UserUpdate { email: Some("mallory@example.org".into()), ..UserUpdate::default() };
                keyward.update_user(caller, user, update).await.map(|_| None)
            }
            Act::SetEnabled { user, enabled } => {
                let update = UserUpdate { enabled: Some(*enabled), ..UserUpdate::default() };
                keyward.update_user(caller, user, update).await.map(|_| None)
            }
            Act::DeleteUser { user } => keyward.delete_user(caller, user, None).await.map(|_| None),
            Act::CreateKey { key, user, scope } => {
                let mut new = new_key(key, user);
                new.scope = scope.as_deref().map(texts);
                keyward.create_api_key(caller, new).await.map(|issued| Some(issued.secret))
            }
            Act::ChangeKey { key, change } => {
                let update = ApiKeyUpdate {
                    scope: change.scope.as_ref().map(|scope| scope.as_deref().map(texts)),
                    active: change.active,
                    expires_at: change.expires_at.map(str::to_owned),
                    ..ApiKeyUpdate::default()
                };
                keyward.update_api_key(caller, &self.key_id(key).await, update).await.map(|_| None)
            }
            Act::RotateKey { key } => {
                let rotated = keyward.rotate_api_key(caller, &self.key_id(key).await, 0).await;
                rotated.map(|issued| Some(issued.secret))
            }
            Act::ImportKey { key, user, secret } => {
                let row = ImportedApiKey {
                    name: (*key).into(),
                    user: (*user).into(),
                    sha256: sha256_hex(secret),
                    active: true,
                    ..ImportedApiKey::default()
                };
                keyward.import_api_keys(caller, &[row]).await?.remove(0).map(|_| None)
            }
            Act::DeleteKey { key } => {
                keyward.delete_api_key(caller, &self.key_id(key).await, None).await.map(|_| None)
            }
            Act::CreateAccessKey { user } => {
                keyward.create_access_key(caller, user).await.map(|issued| Some(issued.secret))
            }
            Act::Signed { operation, .. } => panic!("{operation} is none of the core's"),
        }
    }
}

impl Surface for Core {
    async fn perform(&self, authorization: &str, act: &Act) -> Outcome {
        let Some(caller) = self.caller(authorization).await else { return Outcome::Refused };
        match self.act(&caller, act).await {
            Ok(secret) => Outcome::Done { secret: secret.map(|secret| secret.expose().to_owned()) },
            Err(error) => match error.code {
                Code::Forbidden(_) => Outcome::Refused,
                Code::Internal | Code::Unavailable => panic!("{act:?}: {error:?}"),
                _ => Outcome::Failed,
            },
        }
    }

    async fn sign_in(&self, username: &str, temporary_password: &str, mfa: bool) -> Option<String> {
        let (keyward, origin) = (&self.keyward, Origin::default());
        let (clock, client_id) = (keyward.clock(), &crate::support::client_id(keyward).await);
        let request = SignInRequest::new(&origin, client_id);
        let (password, mut has_shown_code) = (Secret::from("Correct-horse-1"), false);
        let temporary = Secret::from(temporary_password);
        let mut signing = keyward.sign_in_with_password(request, username, &temporary).await.ok()?;
        loop {
            signing = match signing {
                SignIn::Challenge(challenge) => {
                    let to = Answer { request, session: &challenge.session, username: None };
                    match challenge.question {
                        Question::NewPassword => keyward.choose_password(to, &password).await.unwrap(),
                        Question::SoftwareToken => {
                            has_shown_code = true;
                            // A code is good once.
                            clock.advance_ms(30 * SECOND_MS);
                            let token = self.software_tokens.lock().unwrap()[username].clone();
                            keyward.show_code(to, &one_time_code(&token, clock).into()).await.unwrap()
                        }
                        other => panic!("{other:?}"),
                    }
                }
                SignIn::Done(tokens) if mfa && !has_shown_code => {
                    let access = &tokens.access_token;
                    let token = keyward.associate_software_token(&origin, access).await.unwrap();
                    let code = one_time_code(&token, clock).into();
                    keyward.verify_software_token(&origin, access, &code).await.unwrap();
                    keyward
                        .set_mfa_preference(&origin, access, &MfaChange::software_token(true))
                        .await
                        .unwrap();
                    self.software_tokens.lock().unwrap().insert(username.to_owned(), token);
                    keyward.sign_in_with_password(request, username, &password).await.unwrap()
                }
                SignIn::Done(tokens) => return Some(format!("Bearer {}", tokens.access_token.expose())),
            }
        }
    }

    async fn allowed(&self, about: About<'_>, permissions: &[&'static str]) -> Option<Rights> {
        let about = match about {
            About::Holder(authorization) => access::About::Credential(Credential::parse(authorization)),
            About::User(name) => access::About::User(name.into()),
            About::Key(id) => access::About::ApiKey(id.into()),
        };
        let wanted = texts(permissions);
        let answer = self.keyward.authorize(&Caller::operator(), &about, &wanted, None, false).await.unwrap();
        let decisions = answer.decisions.iter().zip(permissions);
        let allowed = decisions.filter(|(decision, _)| decision.reason.is_none());
        answer.reason.is_none().then(|| allowed.map(|(_, permission)| *permission).collect())
    }

    async fn listing(&self) -> Value {
        let (operator, query) = (Caller::operator(), Cursor::largest());
        json!({
            "roles": self.keyward.list_roles(&operator, &query).await.unwrap().items,
            "users": self.keyward.list_users(&operator, &UserQuery::default()).await.unwrap().items,
            "keys": self.keyward.list_api_keys(&operator, &ApiKeyQuery::default()).await.unwrap().items,
        })
    }

    fn admin(&self) -> &str {
        &self.admin
    }
}
