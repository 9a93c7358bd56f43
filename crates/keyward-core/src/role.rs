//! Roles: names for sets of permissions, and who has them.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit::Target;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::local_pool::ids;
use crate::page::{Cursor, Page};
use crate::permission::{MANAGE_ROLES, MANAGE_USERS, Permission, PermissionSet, VIEW_ROLES, VIEW_USERS};
use crate::user::{User, require_version};

/// The most roles of one user.
const MAXIMUM_ROLES: usize = 100;

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The immutable id, a UUID: a role made anew under an old name is another role.
    pub id: String,
    /// The home pool, or the pool whose group it is.
    pub pool_id: String,
    /// 1 to 128 characters.
    pub name: String,
    /// 1 to 256 characters; of a group 0 to 2048.
    pub description: String,
    /// What it allows.
    pub permissions: Vec<Permission>,
    /// The role sleeps unless its user signed in with a second factor; under an API key it always sleeps.
    pub mfa_required: bool,
    /// Where the role comes from (`INTERNAL_SYSTEM`), as VAMS keeps it.
    pub source: Option<String>,
    /// Its name there.
    pub source_identifier: Option<String>,
    /// As a group: where it stands among those of a user, the lowest first.
    pub precedence: Option<i64>,
    /// As a group: an IAM role, an ARN that Amazon's identity pools understand.
    pub iam_role: Option<String>,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch, UTC.
    pub updated_at_ms: i64,
    /// Counts the changes; what `If-Match` compares.
    pub version: i64,
}

/// What it takes to make a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in Role")]
pub struct NewRole {
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
    pub mfa_required: bool,
    pub source: Option<String>,
    pub source_identifier: Option<String>,
    pub precedence: Option<i64>,
    pub iam_role: Option<String>,
}

/// What to change of a role; what is `None` stays.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "as in Role")]
pub struct RoleUpdate {
    pub description: Option<String>,
    /// The whole new list.
    pub permissions: Option<Vec<String>>,
    pub mfa_required: Option<bool>,
    pub source: Option<Option<String>>,
    pub source_identifier: Option<Option<String>>,
    pub precedence: Option<i64>,
    pub iam_role: Option<String>,
    /// Refuse unless the role still has this version.
    pub if_match: Option<i64>,
}

/// A user's roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignments {
    /// The user's id.
    pub user_id: String,
    /// The user's name.
    pub username: String,
    /// The roles' names, sorted.
    pub roles: Vec<String>,
    /// When the first of them was given; milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// The user's version, which goes up with each change of their roles too; what `If-Match` compares.
    pub version: i64,
}

/// What came of giving roles to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The user's roles, as they now are.
    pub assignments: Assignments,
    /// Whether nobody had the name, and a program user was made for it.
    pub created_program_user: bool,
}

/// How to change a user's roles.
#[derive(Debug, Clone, Copy)]
enum RoleChange<'a> {
    Add(&'a [String]),
    /// The same, of an account that is there.
    Join(&'a [String]),
    /// These and no others.
    Set(&'a [String]),
    /// The same, of an account that is there.
    Replace(&'a [String]),
}

/// As what a role is made and changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Role,
    /// A group may do without a description.
    Group,
}

impl Form {
    fn description(self, text: &str) -> Result<String> {
        let (least, most) = if self == Self::Role { (1, 256) } else { (0, 2048) };
        if (least..=most).contains(&text.chars().count()) && !text.contains('\0') {
            return Ok(text.to_owned());
        }
        Err(Error::invalid("description", format!("The description must be {least} to {most} characters.")))
    }
}

/// In the place of a role's name where somebody has permissions of their own (no role is called so: a name has
/// no line break).
pub(crate) const OWN_GRANT: &str = "own\npermissions";

/// What one role gives to one user.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) role: String,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) mfa_required: bool,
}

impl Keyward {
    /// Makes a role.
    ///
    /// # Errors
    /// `Forbidden` without `manage:roles` or for permissions above the caller's, `InvalidInput`,
    /// `AlreadyExists(Role)`.
    pub async fn create_role(&self, caller: &Caller, new: NewRole) -> Result<Role> {
        self.make_role(&*self.directory, caller, new, Form::Role).await
    }

    /// Makes a group of this pool; of the home pool, a role.
    ///
    /// # Errors
    /// As [`Keyward::create_role`].
    pub async fn create_group_in(&self, pool: &dyn Directory, caller: &Caller, new: NewRole) -> Result<Role> {
        self.make_role(pool, caller, new, Form::Group).await
    }

    async fn make_role(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        new: NewRole,
        form: Form,
    ) -> Result<Role> {
        const ACTION: &str = "role.create";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_ROLES])?;
            let permissions = permissions(&new.permissions)?;
            caller.require_all_of(&permissions.iter().cloned().collect())?;
            let now_ms = self.clock.now_ms();
            let role = Role {
                id: self.random.uuid(),
                pool_id: pool.pool_id().to_owned(),
                name: if self.is_home(pool.pool_id()) {
                    role_name(&new.name)?
                } else {
                    group_name(&new.name)?
                },
                description: form.description(&new.description)?,
                permissions,
                mfa_required: new.mfa_required,
                source: source(new.source.as_deref())?,
                source_identifier: source_identifier(new.source_identifier.as_deref())?,
                precedence: new.precedence,
                iam_role: new.iam_role.clone(),
                created_at_ms: now_ms,
                updated_at_ms: now_ms,
                version: 1,
            };
            let create = async || {
                let detail = json!({ "permissions": role.permissions, "mfa_required": role.mfa_required });
                let target = Target::new("role", &role.id, &role.name);
                let change = self.change_with_reply(caller, ACTION, &new, &role, target, detail)?;
                self.store.insert_role(&role, &change).await?;
                Ok(role)
            };
            self.once(caller, ACTION, &new, create).await
        };
        self.audited(caller, ACTION, Target::named("role", &new.name), outcome.await).await
    }

    /// The roles, by name.
    ///
    /// # Errors
    /// `Forbidden` without `view:roles` or `manage:roles`.
    pub async fn list_roles(&self, caller: &Caller, page: &Cursor) -> Result<Page<Role>> {
        self.list_groups_in(&*self.directory, caller, page).await
    }

    /// The roles, by name, for whoever gives them to users.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users`.
    pub async fn list_groups(&self, caller: &Caller, page: &Cursor) -> Result<Page<Role>> {
        caller.require(MANAGE_USERS)?;
        self.store.roles(self.directory.pool_id(), page).await
    }

    /// The groups of this pool, by name; of the home pool, the roles.
    ///
    /// # Errors
    /// As [`Keyward::list_roles`].
    pub async fn list_groups_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        page: &Cursor,
    ) -> Result<Page<Role>> {
        self.require_in(pool, caller, &[VIEW_ROLES, MANAGE_ROLES])?;
        self.store.roles(pool.pool_id(), page).await
    }

    /// The role of this name.
    ///
    /// # Errors
    /// `Forbidden` without `view:roles` or `manage:roles`, `NotFound(Role)`.
    pub async fn role(&self, caller: &Caller, name: &str) -> Result<Role> {
        self.group_in(&*self.directory, caller, name).await
    }

    /// The group of this name in this pool; of the home pool, the role.
    ///
    /// # Errors
    /// As [`Keyward::role`].
    pub async fn group_in(&self, pool: &dyn Directory, caller: &Caller, name: &str) -> Result<Role> {
        self.require_in(pool, caller, &[VIEW_ROLES, MANAGE_ROLES])?;
        self.known_role_in(pool, name).await
    }

    /// The accounts in a group of this pool; of the home pool, those that have the role.
    ///
    /// # Errors
    /// `Forbidden` without `view:users` or `manage:users`, `NotFound(Role)`.
    pub async fn list_members_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        group: &str,
        page: &Cursor,
    ) -> Result<Page<User>> {
        self.require_in(pool, caller, &[VIEW_USERS, MANAGE_USERS])?;
        let group = self.known_role_in(pool, group).await?;
        pool.look_at_members().await?;
        self.store.members(&group.id, page).await
    }

    /// The groups of an account of this pool, by name; of the home pool, the roles.
    ///
    /// # Errors
    /// As [`Keyward::user`].
    pub async fn list_groups_of_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        page: &Cursor,
    ) -> Result<Page<Role>> {
        let user = self.user_in(pool, caller, name_or_id).await?;
        self.store.groups_of(&user.id, page).await
    }

    /// Changes what is named in `update`, and nothing else. It takes effect on the next request of everybody
    /// who has the role.
    ///
    /// # Errors
    /// `Forbidden` without `manage:roles` or for permissions above the caller's (the old or the new ones),
    /// `NotFound(Role)`, `InvalidInput`, `PreconditionFailed`, `Conflict` when no admin would be left.
    pub async fn update_role(&self, caller: &Caller, name: &str, update: RoleUpdate) -> Result<Role> {
        self.change_role(&*self.directory, caller, name, update, Form::Role).await
    }

    /// As [`Keyward::update_role`], of a group of this pool.
    pub async fn update_group_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name: &str,
        update: RoleUpdate,
    ) -> Result<Role> {
        self.change_role(pool, caller, name, update, Form::Group).await
    }

    async fn change_role(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name: &str,
        update: RoleUpdate,
        form: Form,
    ) -> Result<Role> {
        const ACTION: &str = "role.update";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_ROLES])?;
            let mut role = self.known_role_in(pool, name).await?;
            caller.require_all_of(&role.permissions.iter().cloned().collect())?;
            require_version(update.if_match, role.version)?;
            let mut changed = Vec::new();
            if let Some(text) = &update.description {
                role.description = form.description(text)?;
                changed.push("description");
            }
            if let Some(texts) = &update.permissions {
                role.permissions = permissions(texts)?;
                caller.require_all_of(&role.permissions.iter().cloned().collect())?;
                changed.push("permissions");
            }
            if let Some(mfa_required) = update.mfa_required {
                role.mfa_required = mfa_required;
                changed.push("mfa_required");
            }
            if let Some(text) = &update.source {
                role.source = source(text.as_deref())?;
                changed.push("source");
            }
            if let Some(text) = &update.source_identifier {
                role.source_identifier = source_identifier(text.as_deref())?;
                changed.push("source_identifier");
            }
            if let Some(precedence) = update.precedence {
                role.precedence = Some(precedence);
                changed.push("precedence");
            }
            if let Some(iam_role) = update.iam_role {
                role.iam_role = Some(iam_role);
                changed.push("iam_role");
            }
            // What says nothing changes nothing, as Amazon takes it.
            if changed.is_empty() && form == Form::Group {
                return Ok(role);
            }
            if changed.is_empty() {
                return Err(Error::invalid(
                    "description",
                    "Say what to change: description, permissions, mfa_required, source or \
                     source_identifier.",
                ));
            }
            role.updated_at_ms = self.clock.now_ms();
            let detail = json!({
                "changed": changed,
                "permissions": role.permissions,
                "mfa_required": role.mfa_required,
            });
            let change = self.change(caller, ACTION, Target::new("role", &role.id, &role.name), detail);
            pool.look_at_members().await?;
            self.store.update_role(&role, &change).await?;
            role.version += 1;
            Ok(role)
        };
        self.audited(caller, ACTION, Target::named("role", name), outcome.await).await
    }

    /// Deletes the role and takes it from everybody who has it.
    ///
    /// # Errors
    /// `Forbidden` without `manage:roles` or for a role above the caller's rights, `NotFound(Role)`,
    /// `PreconditionFailed`, `Conflict` when no admin would be left.
    pub async fn delete_role(&self, caller: &Caller, name: &str, if_match: Option<i64>) -> Result<Role> {
        self.delete_group_in(&*self.directory, caller, name, if_match).await
    }

    /// As [`Keyward::delete_role`], of a group of this pool.
    pub async fn delete_group_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name: &str,
        if_match: Option<i64>,
    ) -> Result<Role> {
        const ACTION: &str = "role.delete";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_ROLES])?;
            let role = self.known_role_in(pool, name).await?;
            caller.require_all_of(&role.permissions.iter().cloned().collect())?;
            require_version(if_match, role.version)?;
            let change = self.change(caller, ACTION, Target::new("role", &role.id, &role.name), json!({}));
            pool.delete_role(&role, &change).await?;
            Ok(role)
        };
        self.audited(caller, ACTION, Target::named("role", name), outcome.await).await
    }

    /// Who has which roles, by username; users without any are left out.
    ///
    /// # Errors
    /// `Forbidden` without `view:users` or `manage:users`.
    pub async fn list_assignments(&self, caller: &Caller, page: &Cursor) -> Result<Page<Assignments>> {
        caller.require_any(&[VIEW_USERS, MANAGE_USERS])?;
        self.directory.look_at_members().await?;
        self.store.assignments(self.directory.pool_id(), page).await
    }

    /// The user's roles.
    ///
    /// # Errors
    /// As [`Keyward::user`].
    pub async fn user_roles(&self, caller: &Caller, name_or_id: &str) -> Result<Assignments> {
        let user = self.user(caller, name_or_id).await?;
        self.assignments_of(&user).await
    }

    /// Gives these roles to the user, all or none. A name that nobody has becomes a program user.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for rights above the caller's (the roles' or the user's),
    /// `NotFound(Role)`, `AlreadyExists(Assignment)` when the user has one of them, `InvalidInput`.
    pub async fn assign_roles(
        &self,
        caller: &Caller,
        name_or_id: &str,
        roles: &[String],
    ) -> Result<Assigned> {
        self.change_roles(&*self.directory, caller, name_or_id, RoleChange::Add(roles), None).await
    }

    /// Gives a role of the home pool to one of its accounts, or makes an account of another pool a member of
    /// its group. Who has it already keeps it.
    ///
    /// # Errors
    /// As [`Keyward::assign_roles`], but for a name that nobody has: `NotFound(User)`.
    pub async fn add_to_group_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        group: &str,
    ) -> Result<()> {
        let roles = [group.to_owned()];
        match self.change_roles(pool, caller, name_or_id, RoleChange::Join(&roles), None).await {
            Err(error) if error.code == Code::AlreadyExists(Thing::Assignment) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// Makes the user's roles exactly these. A name that nobody has becomes a program user.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for rights above the caller's (the roles' or the user's),
    /// `NotFound(Role)`, `InvalidInput`, `PreconditionFailed`, `Conflict` when no admin would be left.
    pub async fn set_roles(
        &self,
        caller: &Caller,
        name_or_id: &str,
        roles: &[String],
        if_match: Option<i64>,
    ) -> Result<Assigned> {
        self.change_roles(&*self.directory, caller, name_or_id, RoleChange::Set(roles), if_match).await
    }

    /// As [`Keyward::set_roles`], but for a name that nobody has: `NotFound(User)`.
    pub async fn set_groups(&self, caller: &Caller, name_or_id: &str, groups: &[String]) -> Result<Assigned> {
        self.change_roles(&*self.directory, caller, name_or_id, RoleChange::Replace(groups), None).await
    }

    /// Takes one role from the user.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`,
    /// `NotFound(Assignment)`, `PreconditionFailed`, `Conflict` when no admin would be left.
    pub async fn remove_role(
        &self,
        caller: &Caller,
        name_or_id: &str,
        role: &str,
        if_match: Option<i64>,
    ) -> Result<()> {
        self.remove_role_in(&*self.directory, caller, name_or_id, role, if_match).await
    }

    /// As [`Keyward::remove_role`], in this pool, of which it is a group.
    pub async fn remove_role_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        role: &str,
        if_match: Option<i64>,
    ) -> Result<()> {
        const ACTION: &str = "role.remove";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let user = self.known_user_in(pool, name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            require_version(if_match, user.version)?;
            let role = self.store.role(pool.pool_id(), role).await?.ok_or_else(unassigned)?;
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, ACTION, target, json!({ "roles": [role.name] }));
            pool.remove_role(&user, &role, if_match, &change).await
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// Takes a role of the home pool from one of its accounts, or an account of another pool out of its group.
    /// Who isn't in it stays out.
    ///
    /// # Errors
    /// As [`Keyward::remove_role`], and `NotFound(Role)`.
    pub async fn remove_from_group_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        group: &str,
    ) -> Result<()> {
        match self.remove_role_in(pool, caller, name_or_id, group, None).await {
            Err(error) if error.code == Code::NotFound(Thing::Assignment) => {
                self.known_role_in(pool, group).await.map(drop)
            }
            outcome => outcome,
        }
    }

    async fn change_roles(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        wanted: RoleChange<'_>,
        if_match: Option<i64>,
    ) -> Result<Assigned> {
        let (action, names) = match wanted {
            RoleChange::Add(names) | RoleChange::Join(names) => ("role.assign", names),
            RoleChange::Set(names) | RoleChange::Replace(names) => ("role.set", names),
        };
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            if matches!(wanted, RoleChange::Add([])) {
                return Err(Error::invalid("roles", "At least one role name is required"));
            }
            // Whether the roles are there and may be given comes before whether the user is.
            let roles = self.grantable_roles(pool, caller, names).await?;
            let known = pool.find(name_or_id).await?;
            let created_program_user = known.is_none();
            let user = match known {
                Some(user) => {
                    self.require_over(caller, &user.id).await?;
                    require_version(if_match, user.version)?;
                    user
                }
                None if names.is_empty()
                    || if_match.is_some()
                    || matches!(wanted, RoleChange::Join(_) | RoleChange::Replace(_)) =>
                {
                    return Err(crate::user::unknown_user(name_or_id));
                }
                None => self.new_program_user(name_or_id)?,
            };
            let detail = json!({ "roles": names, "created_program_user": created_program_user });
            let change = self.change(caller, action, Target::new("user", &user.id, &user.username), detail);
            if created_program_user {
                pool.create_program_user(&user, &ids(&roles), caller.name(), &change).await?;
            } else if matches!(wanted, RoleChange::Add(_) | RoleChange::Join(_)) {
                pool.add_roles(&user, &roles, caller.name(), &change).await?;
            } else {
                pool.set_roles(&user, &roles, caller.name(), &change).await?;
            }
            let user = self.known_user_in(pool, &user.id).await?;
            Ok(Assigned { assignments: self.assignments_of(&user).await?, created_program_user })
        };
        self.audited(caller, action, Target::named("user", name_or_id), outcome.await).await
    }

    async fn assignments_of(&self, user: &User) -> Result<Assignments> {
        let found = self.store.assignments_of(&user.id).await?;
        Ok(found.unwrap_or_else(|| Assignments {
            user_id: user.id.clone(),
            username: user.username.clone(),
            roles: Vec::new(),
            created_at_ms: user.created_at_ms,
            version: user.version,
        }))
    }

    /// These roles, all of which the caller may give away.
    pub(crate) async fn grantable_roles(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        names: &[String],
    ) -> Result<Vec<Role>> {
        if names.len() > MAXIMUM_ROLES {
            return Err(Error::invalid("roles", "A user has at most 100 roles."));
        }
        let mut roles: Vec<Role> = Vec::with_capacity(names.len());
        for name in names {
            let role = self.known_role_in(pool, name).await?;
            caller.require_all_of(&role.permissions.iter().cloned().collect::<PermissionSet>())?;
            if !roles.iter().any(|known| known.id == role.id) {
                roles.push(role);
            }
        }
        Ok(roles)
    }

    /// The role of the home pool, or the group of another.
    pub(crate) async fn known_role_in(&self, pool: &dyn Directory, name: &str) -> Result<Role> {
        self.store.role(pool.pool_id(), name).await?.ok_or_else(|| unknown_role(name))
    }
}

/// The error for a role that isn't there.
fn unknown_role(name: &str) -> Error {
    let named = role_name(name).unwrap_or_default();
    Error::new(Code::NotFound(Thing::Role), format!("Role '{named}' does not exist in the system"))
}

/// The error for a role that the user doesn't have.
pub(crate) fn unassigned() -> Error {
    Error::not_found(Thing::Assignment, "The user doesn't have this role.")
}

/// A role's name: 1 to 128 characters, no control characters, no white space at its ends. It takes what
/// Cognito's group names may be and what VAMS' role names may be.
pub(crate) fn role_name(text: &str) -> Result<String> {
    let is_name = (1..=128).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control)
        && !text.contains('/')
        // Clients drop these two out of a path, and could never name the role.
        && text != "."
        && text != "..";
    if is_name {
        return Ok(text.to_owned());
    }
    Err(Error::invalid(
        "name",
        "A role's name must be 1 to 128 characters, without slashes or spaces at its ends.",
    ))
}

/// The name of a group outside the home pool, as Cognito has them.
fn group_name(text: &str) -> Result<String> {
    let is_spoiled = |character: char| character.is_whitespace() || character.is_control();
    if (1..=128).contains(&text.chars().count()) && !text.chars().any(is_spoiled) {
        return Ok(text.to_owned());
    }
    Err(Error::invalid("name", "A group's name must be 1 to 128 characters without spaces."))
}

fn permissions(texts: &[String]) -> Result<Vec<Permission>> {
    if texts.len() > 1000 {
        return Err(Error::invalid("permissions", "A role has at most 1000 permissions."));
    }
    let mut permissions = texts.iter().map(|text| Permission::parse(text)).collect::<Result<Vec<_>>>()?;
    permissions.sort_unstable();
    permissions.dedup();
    Ok(permissions)
}

fn source(text: Option<&str>) -> Result<Option<String>> {
    match text {
        None | Some("INTERNAL_SYSTEM") => Ok(text.map(str::to_owned)),
        Some(_) => Err(Error::invalid("source", "Invalid source. Allowed values: INTERNAL_SYSTEM")),
    }
}

fn source_identifier(text: Option<&str>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > 256 || text.contains('\0') => {
            Err(Error::invalid("source_identifier", "The source identifier must be at most 256 characters."))
        }
        _ => Ok(text.map(str::to_owned)),
    }
}
