//! What Keyward begins with: the default roles, the first admin, and a way back in for whoever has the
//! machine.

use std::collections::BTreeMap;

use serde_json::json;

use crate::audit::Target;
use crate::caller::Caller;
use crate::directory::Enrolment;
use crate::error::{Error, Result, Thing};
use crate::keyward::Keyward;
use crate::permission::Permission;
use crate::role::{NewRole, Role, RoleUpdate};
use crate::secret::Secret;
use crate::user::{NewUser, UserKind, UserQuery, UserWithPassword, email_address};

/// The role of those who may do everything.
pub const ADMINS: &str = "ADMINS";

/// The roles that every Keyward begins with: name, description, permissions.
const DEFAULT_ROLES: [(&str, &str, &[&str]); 5] = [
    (ADMINS, "May do everything", &["*"]),
    (
        "LAB_MANAGERS",
        "Run the lab and manage its users",
        &["submit:SOP*", "view:*", "draft:*", "approve:*", "manage:users"],
    ),
    (
        "RESEARCHERS",
        "Submit and draft, see their own and their group's",
        &["submit:SOP*", "view:own", "view:group", "draft:*"],
    ),
    ("CLINICIANS", "Submit and draft, see their own", &["submit:SOP*", "view:own", "draft:*"]),
    ("SERVICE", "Applications that ask what a credential may do", &["verify:credentials"]),
];

/// The first admin, at the first start.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    /// The admin's name, an email address.
    pub email: String,
    /// A password that counts as permanent; a temporary one is made when there is none.
    pub password: Option<Secret>,
}

impl Keyward {
    /// Whether nobody has been here before: there is no account yet. (The last admin can't be deleted, so
    /// this never comes true again.)
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn is_new(&self) -> Result<bool> {
        let query = UserQuery { kind: Some(UserKind::Account), ..UserQuery::default() };
        // Whoever was met here is enough to know: a directory kept elsewhere may not answer just now.
        if !self.store.users(self.directory.pool_id(), &query).await?.items.is_empty() {
            return Ok(false);
        }
        Ok(self.directory.list(&query).await?.items.is_empty())
    }

    /// Makes the default roles and the first admin, once; nothing when that was done before.
    ///
    /// # Errors
    /// `InvalidInput` for what is no address, `PasswordRejected`.
    pub async fn bootstrap(&self, first: FirstAdmin) -> Result<Option<UserWithPassword>> {
        if !self.is_new().await? {
            return Ok(None);
        }
        let operator = Caller::operator();
        let is_temporary = first.password.is_none();
        let password = match &first.password {
            Some(password) => password.clone(),
            None => self.directory.temporary_password().await?,
        };
        let new = NewUser {
            username: email_address("username", &first.email)?,
            roles: vec![ADMINS.to_owned()],
            password: first.password,
            ..NewUser::default()
        };
        let user = self.new_account(&*self.directory, &new).await?;
        self.make_default_roles().await?;
        let roles = self.grantable_roles(&*self.directory, &operator, &user.roles).await?;
        let target = Target::new("user", &user.id, &user.username);
        let change =
            self.change(&operator, "user.create", target, json!({ "roles": user.roles, "first": true }));
        let enrolment = Enrolment {
            user: &user,
            password: &password,
            is_temporary,
            takes_aliases: false,
            roles: &roles,
            created_by: operator.name(),
        };
        let user = self.directory.create(enrolment, &change).await?;
        Ok(Some(UserWithPassword { user, temporary_password: is_temporary.then_some(password) }))
    }

    /// Makes the roles of these names what a file says of them. Each is entered when the file says something
    /// new of it, and only then: what was changed here since stays.
    ///
    /// # Errors
    /// `InvalidInput` for what no role can be, `Conflict` when no admin would be left.
    pub async fn enter_file_roles(&self, roles: &[NewRole]) -> Result<()> {
        let pool_id = self.directory.pool_id();
        let place = format!("file_roles {pool_id}");
        let entered = self.store.setting(&place).await?;
        let before: BTreeMap<String, NewRole> =
            entered.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        let now = roles.iter().map(|role| (role.name.clone(), role.clone())).collect::<BTreeMap<_, _>>();
        if now == before {
            return Ok(());
        }
        let operator = Caller::operator();
        for (name, role) in now.iter().filter(|(name, role)| before.get(*name) != Some(role)) {
            if self.store.role(pool_id, name).await?.is_none() {
                self.create_group_in(&*self.directory, &operator, role.clone()).await?;
            } else {
                let update = RoleUpdate {
                    description: Some(role.description.clone()),
                    permissions: Some(role.permissions.clone()),
                    ..RoleUpdate::default()
                };
                self.update_group_in(&*self.directory, &operator, name, update).await?;
            }
        }
        self.store.set_setting(&place, &serde_json::to_string(&now).map_err(Error::internal)?).await
    }

    /// Gives an admin a new one-time password, enables them and gives them the role ADMINS: for whoever has
    /// the machine, when nobody can get in. Without a name, the admin who was made first. With `forgets_mfa`,
    /// their second factors and passkeys are gone, and where not everybody needs one, signing in asks for none.
    /// The command line's app client lets it in again, where it didn't, and where everybody needs a second
    /// factor, one can be set up.
    ///
    /// # Errors
    /// `NotFound(User)` when there is no such account.
    pub async fn recover_admin(&self, name: Option<&str>, forgets_mfa: bool) -> Result<UserWithPassword> {
        let operator = Caller::operator();
        let name = match name {
            Some(name) => name.to_owned(),
            None => self.store.first_admin(self.directory.pool_id()).await?.ok_or_else(|| {
                Error::not_found(Thing::User, "There is no admin to recover; name an account with --user.")
            })?,
        };
        let user = self.known_user(&name).await?;
        if user.kind == UserKind::Program {
            return Err(Error::not_found(
                Thing::User,
                "That is a program user, which can't sign in; name an account.",
            ));
        }
        if self.store.role(self.directory.pool_id(), ADMINS).await?.is_none() {
            for role in self.default_roles()?.into_iter().filter(|role| role.name == ADMINS) {
                let target = Target::new("role", &role.id, &role.name);
                let change =
                    self.change(&operator, "role.create", target, json!({ "permissions": role.permissions }));
                self.store.insert_role(&role, &change).await?;
            }
        }
        // The old password must open nothing of what follows, so it goes first.
        let mut recovered = self.reset_password(&operator, &user.id).await?;
        if forgets_mfa {
            self.forget_factors(&operator, "user.reset-mfa", recovered.user.clone(), false).await?;
        }
        if !user.roles.iter().any(|role| role == ADMINS) {
            self.assign_roles(&operator, &user.id, &[ADMINS.to_owned()]).await?;
        }
        if !user.enabled {
            let update = crate::user::UserUpdate { enabled: Some(true), ..Default::default() };
            self.update_user(&operator, &user.id, update).await?;
        }
        if self.remote_pool.is_none() {
            self.restore_own_client(&operator).await?;
            self.restore_way_in(&operator).await?;
            let pool = &self.local_pool;
            let counter = self.counter("password", &pool.identifiers.key(&user.username))?;
            self.forget_failures(pool, &counter).await?;
        }
        recovered.user = self.known_user(&user.id).await?;
        Ok(recovered)
    }

    /// Makes the default roles, those that aren't there.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn make_default_roles(&self) -> Result<()> {
        for role in self.default_roles()? {
            if self.store.role(&role.pool_id, &role.name).await?.is_none() {
                let target = Target::new("role", &role.id, &role.name);
                let detail = json!({ "permissions": role.permissions });
                let change = self.change(&Caller::operator(), "role.create", target, detail);
                self.store.insert_role(&role, &change).await?;
            }
        }
        Ok(())
    }

    fn default_roles(&self) -> Result<Vec<Role>> {
        let now_ms = self.clock.now_ms();
        DEFAULT_ROLES
            .iter()
            .map(|(name, description, permissions)| {
                Ok(Role {
                    id: self.random.uuid(),
                    pool_id: self.directory.pool_id().to_owned(),
                    name: (*name).to_owned(),
                    description: (*description).to_owned(),
                    permissions: permissions
                        .iter()
                        .map(|text| Permission::parse(text))
                        .collect::<Result<_>>()?,
                    mfa_required: false,
                    source: None,
                    source_identifier: None,
                    precedence: None,
                    iam_role: None,
                    created_at_ms: now_ms,
                    updated_at_ms: now_ms,
                    version: 1,
                })
            })
            .collect()
    }
}
