//! What VAMS answers when something was done.

use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use serde::Serialize;

use crate::vams::moment::naive;

/// That it was done, to whom, and when.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    success: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_name: Option<String>,
    operation: &'static str,
    timestamp: String,
    /// Shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<Secret>,
}

impl Receipt {
    /// Something was done to a user.
    pub(super) fn on_user(
        keyward: &Keyward,
        operation: &'static str,
        user_id: String,
        message: String,
    ) -> Self {
        Self { user_id: Some(user_id), ..Self::new(keyward, operation, message) }
    }

    /// Something was done to a role.
    pub(super) fn on_role(keyward: &Keyward, operation: &'static str, role: String, message: String) -> Self {
        Self { role_name: Some(role), ..Self::new(keyward, operation, message) }
    }

    /// The same with the password that came of it, in the message too: VAMS' command line shows its users
    /// nothing else.
    pub(super) fn with_password(mut self, password: Option<Secret>) -> Self {
        if let Some(password) = &password {
            self.message.push_str(" The temporary password, to be changed at the next sign-in, is: ");
            self.message.push_str(password.expose());
        }
        self.temporary_password = password;
        self
    }

    fn new(keyward: &Keyward, operation: &'static str, message: String) -> Self {
        Self {
            success: true,
            message,
            user_id: None,
            role_name: None,
            operation,
            timestamp: naive(keyward.clock().now_ms()),
            temporary_password: None,
        }
    }
}
