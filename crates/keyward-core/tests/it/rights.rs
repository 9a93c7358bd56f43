//! Nobody grants above their own rights, whatever acts of the core they combine.

use std::sync::Arc;

use keyward_core::access::Credential;
use keyward_core::api_key::{ApiKeyQuery, ApiKeyUpdate, ImportedApiKey};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Result};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::sign_in::{Answer, SignIn};
use keyward_core::provisioning::FirstAdmin;
use keyward_core::role::{NewRole, RoleUpdate};
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, UserUpdate};

use crate::escalation::{Act, Outcome, Rights, Surface, nobody_gains_rights};
use crate::support::{TestDatabase, key, new_key, sha256_hex, texts};

#[test]
fn nobody_gains_rights_by_any_acts_on_sqlite() {
    nobody_gains_rights(100, async || Core::open(TestDatabase::sqlite().await).await);
}

#[test]
fn nobody_gains_rights_by_any_acts_on_postgres() {
    nobody_gains_rights(24, async || Core::open(TestDatabase::postgres().await).await);
}

/// The core itself, as the surface that all others call.
struct Core {
    keyward: Arc<Keyward>,
    admin: String,
    _database: TestDatabase,
}

impl Core {
    async fn open(database: TestDatabase) -> Self {
        let keyward = database.keyward().await;
        let first = FirstAdmin { email: "ada@example.com".into(), password: None };
        keyward.bootstrap(first).await.unwrap();
        let admin = key(&keyward, "admin", "ada@example.com").await.secret.expose().to_owned();
        Self { keyward, admin, _database: database }
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

    async fn sign_in(&self, username: &str, temporary_password: &str) -> Option<String> {
        let (keyward, origin) = (&self.keyward, Origin::default());
        let client_id = &keyward.local_pool().clients()[0].id;
        let password = Secret::from(temporary_password);
        let signing = keyward.sign_in_with_password(&origin, client_id, username, &password).await.ok()?;
        let SignIn::Challenge(challenge) = signing else { panic!("the password is a temporary one") };
        let answer = Answer { origin: &origin, client_id, session: &challenge.session, username: None };
        let chosen = Secret::from("Correct-horse-1");
        match keyward.choose_password(answer, &chosen).await.unwrap() {
            SignIn::Done(tokens) => Some(format!("Bearer {}", tokens.access_token.expose())),
            SignIn::Challenge(challenge) => panic!("asked for {:?}", challenge.question),
        }
    }

    async fn allowed(&self, authorization: &str, permissions: &[&'static str]) -> Option<Rights> {
        let caller = self.caller(authorization).await?;
        Some(permissions.iter().copied().filter(|permission| caller.may(permission)).collect())
    }

    fn admin(&self) -> &str {
        &self.admin
    }
}
