//! The operations of Cognito user pools and the shapes of their inputs.
//!
//! Written by `scripts/cognito_model.py`; don't change it by hand. Source: botocore 1.44.5,
//! `data/cognito-idp/2016-04-18/service-2.json`, Copyright Amazon.com, Inc. or its affiliates, Apache-2.0.

use super::{
    Operation, Pattern, Shape, blob, boolean, document, integer, list, map, one_of, optional, required,
    signed, structure, text, unsigned,
};

pub(super) static OPERATIONS: [Operation; 141] = [
    signed("AddCustomAttributes", &ADD_CUSTOM_ATTRIBUTES_REQUEST),
    signed("AddUserPoolClientSecret", &ADD_USER_POOL_CLIENT_SECRET_REQUEST).without_not_enabled(),
    signed("AdminAddUserToGroup", &ADMIN_ADD_USER_TO_GROUP_REQUEST),
    signed("AdminConfirmSignUp", &ADMIN_CONFIRM_SIGN_UP_REQUEST),
    signed("AdminCreateUser", &ADMIN_CREATE_USER_REQUEST),
    signed("AdminDeleteSoftwareToken", &ADMIN_DELETE_SOFTWARE_TOKEN_REQUEST),
    signed("AdminDeleteUser", &ADMIN_DELETE_USER_REQUEST),
    signed("AdminDeleteUserAttributes", &ADMIN_DELETE_USER_ATTRIBUTES_REQUEST),
    signed("AdminDisableProviderForUser", &ADMIN_DISABLE_PROVIDER_FOR_USER_REQUEST),
    signed("AdminDisableUser", &ADMIN_DISABLE_USER_REQUEST),
    signed("AdminEnableUser", &ADMIN_ENABLE_USER_REQUEST),
    signed("AdminForgetDevice", &ADMIN_FORGET_DEVICE_REQUEST),
    signed("AdminGetDevice", &ADMIN_GET_DEVICE_REQUEST),
    signed("AdminGetUser", &ADMIN_GET_USER_REQUEST),
    signed("AdminGetUserAuthFactors", &ADMIN_GET_USER_AUTH_FACTORS_REQUEST),
    signed("AdminInitiateAuth", &ADMIN_INITIATE_AUTH_REQUEST),
    signed("AdminLinkProviderForUser", &ADMIN_LINK_PROVIDER_FOR_USER_REQUEST),
    signed("AdminListDevices", &ADMIN_LIST_DEVICES_REQUEST),
    signed("AdminListGroupsForUser", &ADMIN_LIST_GROUPS_FOR_USER_REQUEST),
    signed("AdminListUserAuthEvents", &ADMIN_LIST_USER_AUTH_EVENTS_REQUEST),
    signed("AdminListUserSessions", &ADMIN_LIST_USER_SESSIONS_REQUEST),
    signed("AdminRemoveUserFromGroup", &ADMIN_REMOVE_USER_FROM_GROUP_REQUEST),
    signed("AdminResetUserPassword", &ADMIN_RESET_USER_PASSWORD_REQUEST),
    signed("AdminRespondToAuthChallenge", &ADMIN_RESPOND_TO_AUTH_CHALLENGE_REQUEST),
    signed("AdminRevokeUserSession", &ADMIN_REVOKE_USER_SESSION_REQUEST),
    signed("AdminSetUserMFAPreference", &ADMIN_SET_USER_MFA_PREFERENCE_REQUEST),
    signed("AdminSetUserPassword", &ADMIN_SET_USER_PASSWORD_REQUEST),
    signed("AdminSetUserSettings", &ADMIN_SET_USER_SETTINGS_REQUEST),
    signed("AdminUpdateAuthEventFeedback", &ADMIN_UPDATE_AUTH_EVENT_FEEDBACK_REQUEST),
    signed("AdminUpdateDeviceStatus", &ADMIN_UPDATE_DEVICE_STATUS_REQUEST),
    signed("AdminUpdateUserAttributes", &ADMIN_UPDATE_USER_ATTRIBUTES_REQUEST),
    signed("AdminUserGlobalSignOut", &ADMIN_USER_GLOBAL_SIGN_OUT_REQUEST),
    unsigned("AssociateSoftwareToken", &ASSOCIATE_SOFTWARE_TOKEN_REQUEST),
    unsigned("ChangePassword", &CHANGE_PASSWORD_REQUEST),
    unsigned("CompleteWebAuthnRegistration", &COMPLETE_WEB_AUTHN_REGISTRATION_REQUEST),
    unsigned("ConfirmDevice", &CONFIRM_DEVICE_REQUEST),
    unsigned("ConfirmForgotPassword", &CONFIRM_FORGOT_PASSWORD_REQUEST),
    unsigned("ConfirmSignUp", &CONFIRM_SIGN_UP_REQUEST),
    signed("CreateGroup", &CREATE_GROUP_REQUEST),
    signed("CreateIdentityProvider", &CREATE_IDENTITY_PROVIDER_REQUEST).without_not_enabled(),
    signed("CreateManagedLoginBranding", &CREATE_MANAGED_LOGIN_BRANDING_REQUEST),
    signed("CreateResourceServer", &CREATE_RESOURCE_SERVER_REQUEST),
    signed("CreateTerms", &CREATE_TERMS_REQUEST),
    signed("CreateUserImportJob", &CREATE_USER_IMPORT_JOB_REQUEST),
    signed("CreateUserPool", &CREATE_USER_POOL_REQUEST).without_not_enabled(),
    signed("CreateUserPoolClient", &CREATE_USER_POOL_CLIENT_REQUEST),
    signed("CreateUserPoolDomain", &CREATE_USER_POOL_DOMAIN_REQUEST),
    signed("CreateUserPoolReplica", &CREATE_USER_POOL_REPLICA_REQUEST),
    signed("DeleteGroup", &DELETE_GROUP_REQUEST),
    signed("DeleteIdentityProvider", &DELETE_IDENTITY_PROVIDER_REQUEST).without_not_enabled(),
    signed("DeleteManagedLoginBranding", &DELETE_MANAGED_LOGIN_BRANDING_REQUEST),
    signed("DeleteResourceServer", &DELETE_RESOURCE_SERVER_REQUEST),
    signed("DeleteTerms", &DELETE_TERMS_REQUEST),
    unsigned("DeleteUser", &DELETE_USER_REQUEST),
    unsigned("DeleteUserAttributes", &DELETE_USER_ATTRIBUTES_REQUEST),
    signed("DeleteUserPool", &DELETE_USER_POOL_REQUEST),
    signed("DeleteUserPoolClient", &DELETE_USER_POOL_CLIENT_REQUEST),
    signed("DeleteUserPoolClientSecret", &DELETE_USER_POOL_CLIENT_SECRET_REQUEST).without_not_enabled(),
    signed("DeleteUserPoolDomain", &DELETE_USER_POOL_DOMAIN_REQUEST),
    signed("DeleteUserPoolReplica", &DELETE_USER_POOL_REPLICA_REQUEST),
    unsigned("DeleteWebAuthnCredential", &DELETE_WEB_AUTHN_CREDENTIAL_REQUEST),
    signed("DescribeIdentityProvider", &DESCRIBE_IDENTITY_PROVIDER_REQUEST).without_not_enabled(),
    signed("DescribeManagedLoginBranding", &DESCRIBE_MANAGED_LOGIN_BRANDING_REQUEST),
    signed("DescribeManagedLoginBrandingByClient", &DESCRIBE_MANAGED_LOGIN_BRANDING_BY_CLIENT_REQUEST),
    signed("DescribeResourceServer", &DESCRIBE_RESOURCE_SERVER_REQUEST),
    signed("DescribeRiskConfiguration", &DESCRIBE_RISK_CONFIGURATION_REQUEST),
    signed("DescribeTerms", &DESCRIBE_TERMS_REQUEST),
    signed("DescribeTermsByClient", &DESCRIBE_TERMS_BY_CLIENT_REQUEST),
    signed("DescribeUserImportJob", &DESCRIBE_USER_IMPORT_JOB_REQUEST),
    signed("DescribeUserPool", &DESCRIBE_USER_POOL_REQUEST),
    signed("DescribeUserPoolClient", &DESCRIBE_USER_POOL_CLIENT_REQUEST),
    signed("DescribeUserPoolDomain", &DESCRIBE_USER_POOL_DOMAIN_REQUEST),
    unsigned("ForgetDevice", &FORGET_DEVICE_REQUEST),
    unsigned("ForgotPassword", &FORGOT_PASSWORD_REQUEST),
    signed("GetCSVHeader", &GET_CSV_HEADER_REQUEST),
    signed("GetClientToken", &GET_CLIENT_TOKEN_REQUEST),
    signed("GetDerivedToken", &GET_DERIVED_TOKEN_REQUEST),
    unsigned("GetDevice", &GET_DEVICE_REQUEST),
    signed("GetGroup", &GET_GROUP_REQUEST),
    signed("GetIdentityProviderByIdentifier", &GET_IDENTITY_PROVIDER_BY_IDENTIFIER_REQUEST).without_not_enabled(),
    signed("GetLogDeliveryConfiguration", &GET_LOG_DELIVERY_CONFIGURATION_REQUEST).without_not_enabled(),
    signed("GetProvisionedLimit", &GET_PROVISIONED_LIMIT_REQUEST).without_not_enabled(),
    signed("GetSigningCertificate", &GET_SIGNING_CERTIFICATE_REQUEST),
    unsigned("GetTokensFromRefreshToken", &GET_TOKENS_FROM_REFRESH_TOKEN_REQUEST),
    signed("GetUICustomization", &GET_UI_CUSTOMIZATION_REQUEST),
    unsigned("GetUser", &GET_USER_REQUEST),
    unsigned("GetUserAttributeVerificationCode", &GET_USER_ATTRIBUTE_VERIFICATION_CODE_REQUEST),
    unsigned("GetUserAuthFactors", &GET_USER_AUTH_FACTORS_REQUEST),
    signed("GetUserPoolClientSessionConfiguration", &GET_USER_POOL_CLIENT_SESSION_CONFIGURATION_REQUEST),
    signed("GetUserPoolMfaConfig", &GET_USER_POOL_MFA_CONFIG_REQUEST).without_not_enabled(),
    signed("GetUserPoolSessionConfiguration", &GET_USER_POOL_SESSION_CONFIGURATION_REQUEST),
    unsigned("GlobalSignOut", &GLOBAL_SIGN_OUT_REQUEST),
    unsigned("InitiateAuth", &INITIATE_AUTH_REQUEST),
    unsigned("ListDevices", &LIST_DEVICES_REQUEST),
    signed("ListGroups", &LIST_GROUPS_REQUEST),
    signed("ListIdentityProviders", &LIST_IDENTITY_PROVIDERS_REQUEST).without_not_enabled(),
    signed("ListResourceServers", &LIST_RESOURCE_SERVERS_REQUEST),
    signed("ListTagsForResource", &LIST_TAGS_FOR_RESOURCE_REQUEST),
    signed("ListTerms", &LIST_TERMS_REQUEST),
    signed("ListUserImportJobs", &LIST_USER_IMPORT_JOBS_REQUEST),
    signed("ListUserPoolClientSecrets", &LIST_USER_POOL_CLIENT_SECRETS_REQUEST).without_not_enabled(),
    signed("ListUserPoolClients", &LIST_USER_POOL_CLIENTS_REQUEST),
    signed("ListUserPoolReplicas", &LIST_USER_POOL_REPLICAS_REQUEST),
    signed("ListUserPools", &LIST_USER_POOLS_REQUEST).without_not_enabled(),
    unsigned("ListUserSessions", &LIST_USER_SESSIONS_REQUEST),
    signed("ListUsers", &LIST_USERS_REQUEST),
    signed("ListUsersInGroup", &LIST_USERS_IN_GROUP_REQUEST),
    unsigned("ListWebAuthnCredentials", &LIST_WEB_AUTHN_CREDENTIALS_REQUEST),
    unsigned("ResendConfirmationCode", &RESEND_CONFIRMATION_CODE_REQUEST),
    unsigned("RespondToAuthChallenge", &RESPOND_TO_AUTH_CHALLENGE_REQUEST),
    unsigned("RevokeToken", &REVOKE_TOKEN_REQUEST),
    unsigned("RevokeUserSession", &REVOKE_USER_SESSION_REQUEST),
    signed("SetLogDeliveryConfiguration", &SET_LOG_DELIVERY_CONFIGURATION_REQUEST).without_not_enabled(),
    signed("SetRiskConfiguration", &SET_RISK_CONFIGURATION_REQUEST),
    signed("SetUICustomization", &SET_UI_CUSTOMIZATION_REQUEST),
    unsigned("SetUserMFAPreference", &SET_USER_MFA_PREFERENCE_REQUEST),
    signed("SetUserPoolClientSessionConfiguration", &SET_USER_POOL_CLIENT_SESSION_CONFIGURATION_REQUEST),
    signed("SetUserPoolMfaConfig", &SET_USER_POOL_MFA_CONFIG_REQUEST),
    signed("SetUserPoolSessionConfiguration", &SET_USER_POOL_SESSION_CONFIGURATION_REQUEST),
    unsigned("SetUserSettings", &SET_USER_SETTINGS_REQUEST),
    unsigned("SignUp", &SIGN_UP_REQUEST),
    signed("StartUserImportJob", &START_USER_IMPORT_JOB_REQUEST),
    unsigned("StartWebAuthnRegistration", &START_WEB_AUTHN_REGISTRATION_REQUEST),
    signed("StopUserImportJob", &STOP_USER_IMPORT_JOB_REQUEST),
    signed("TagResource", &TAG_RESOURCE_REQUEST),
    signed("UntagResource", &UNTAG_RESOURCE_REQUEST),
    unsigned("UpdateAuthEventFeedback", &UPDATE_AUTH_EVENT_FEEDBACK_REQUEST),
    unsigned("UpdateDeviceStatus", &UPDATE_DEVICE_STATUS_REQUEST),
    signed("UpdateGroup", &UPDATE_GROUP_REQUEST),
    signed("UpdateIdentityProvider", &UPDATE_IDENTITY_PROVIDER_REQUEST).without_not_enabled(),
    signed("UpdateManagedLoginBranding", &UPDATE_MANAGED_LOGIN_BRANDING_REQUEST),
    signed("UpdateProvisionedLimit", &UPDATE_PROVISIONED_LIMIT_REQUEST).without_not_enabled(),
    signed("UpdateResourceServer", &UPDATE_RESOURCE_SERVER_REQUEST),
    signed("UpdateTerms", &UPDATE_TERMS_REQUEST),
    unsigned("UpdateUserAttributes", &UPDATE_USER_ATTRIBUTES_REQUEST),
    signed("UpdateUserPool", &UPDATE_USER_POOL_REQUEST),
    signed("UpdateUserPoolClient", &UPDATE_USER_POOL_CLIENT_REQUEST),
    signed("UpdateUserPoolDomain", &UPDATE_USER_POOL_DOMAIN_REQUEST),
    signed("UpdateUserPoolReplica", &UPDATE_USER_POOL_REPLICA_REQUEST),
    unsigned("VerifySoftwareToken", &VERIFY_SOFTWARE_TOKEN_REQUEST),
    unsigned("VerifyUserAttribute", &VERIFY_USER_ATTRIBUTE_REQUEST),
];

static ACR_LEVEL_KEY_TYPE_PATTERN: Pattern = Pattern::new(r"Level[1-4]");
static ACR_VALUE_TYPE_PATTERN: Pattern = Pattern::new(r"[\x21\x23-\x5B\x5D-\x7E]+");
static ARN_TYPE_PATTERN: Pattern =
    Pattern::new(r"arn:[\w+=/,.@-]+:[\w+=/,.@-]+:([\w+=/,.@-]*)?:[0-9]+:[\w+=/,.@-]+(:[\w+=/,.@-]+)?(:[\w+=/,.@-]+)?");
static ATTRIBUTE_NAME_TYPE_PATTERN: Pattern = Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r ]+");
static CLIENT_ID_TYPE_PATTERN: Pattern = Pattern::new(r"[\w+]+");
static CLIENT_NAME_TYPE_PATTERN: Pattern = Pattern::new(r"[\w\s+=,.@-]+");
static CONFIRMATION_CODE_TYPE_PATTERN: Pattern = Pattern::new(r"[\S]+");
static CUSTOM_ATTRIBUTE_NAME_TYPE_PATTERN: Pattern = Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+");
static DEVICE_KEY_TYPE_PATTERN: Pattern = Pattern::new(r"[\w-]+_[0-9a-f-]+");
static DOMAIN_TYPE_PATTERN: Pattern = Pattern::new(r"^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$");
static EMAIL_ADDRESS_TYPE_PATTERN: Pattern =
    Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+@[\p{L}\p{M}\p{S}\p{N}\p{P}]+");
static EMAIL_INVITE_MESSAGE_TYPE_PATTERN: Pattern = Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*");
static EMAIL_MFA_MESSAGE_TYPE_PATTERN: Pattern =
    Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*\{####\}[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*");
static EMAIL_MFA_SUBJECT_TYPE_PATTERN: Pattern = Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s]+");
static EMAIL_NOTIFICATION_BODY_TYPE_PATTERN: Pattern = Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]+");
static EMAIL_VERIFICATION_MESSAGE_BY_LINK_TYPE_PATTERN: Pattern =
    Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*\{##[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*##\}[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*");
static EVENT_ID_TYPE_PATTERN: Pattern = Pattern::new(r"[\w+-]+");
static GET_DERIVED_TOKEN_TOKEN_MODEL_TYPE_PATTERN: Pattern = Pattern::new(r"[A-Za-z0-9-_+/=.]+");
static HEX_STRING_TYPE_PATTERN: Pattern = Pattern::new(r"^[0-9a-fA-F]+$");
static IDP_IDENTIFIER_TYPE_PATTERN: Pattern = Pattern::new(r"[\w\s+=.@-]+");
static LANGUAGE_ID_TYPE_PATTERN: Pattern =
    Pattern::new(r"^cognito:(default|dutch|english|french|spanish|german|bahasa-indonesia|italian|japanese|korean|portuguese-brazil|chinese-(simplified|traditional))$");
static LINK_URL_TYPE_PATTERN: Pattern = Pattern::new(r"^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$");
static MANAGED_LOGIN_BRANDING_ID_TYPE_PATTERN: Pattern =
    Pattern::new(r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[4][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$");
static OPTIONAL_ARN_TYPE_PATTERN: Pattern =
    Pattern::new(r"(arn:[\w+=/,.@-]+:[\w+=/,.@-]+:([\w+=/,.@-]*)?:[0-9]+:[\w+=/,.@-]+(:[\w+=/,.@-]+)?(:[\w+=/,.@-]+)?)?");
static PROVIDER_NAME_TYPE_PATTERN: Pattern = Pattern::new(r"[\p{L}\p{M}\p{S}\p{N}\p{P}\p{Z}]+");
static PROVIDER_NAME_TYPE_V2_PATTERN: Pattern =
    Pattern::new(r"[^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}][^_\p{Z}]+");
static RESOURCE_ID_TYPE_PATTERN: Pattern = Pattern::new(r"^[\w\- ]+$");
static RESOURCE_SERVER_SCOPE_NAME_TYPE_PATTERN: Pattern = Pattern::new(r"[\x21\x23-\x2E\x30-\x5B\x5D-\x7E]+");
static S3_ARN_TYPE_PATTERN: Pattern =
    Pattern::new(r"arn:[\w+=/,.@-]+:[\w+=/,.@-]+:::[\w+=/,.@-]+(:[\w+=/,.@-]+)?(:[\w+=/,.@-]+)?");
static SES_CONFIGURATION_SET_PATTERN: Pattern = Pattern::new(r"^[a-zA-Z0-9_-]+$");
static SECRET_HASH_TYPE_PATTERN: Pattern = Pattern::new(r"[\w+=/]+");
static SESSION_ID_TYPE_PATTERN: Pattern = Pattern::new(r"^(tkn|sso)[a-z0-9]{25}$");
static SMS_INVITE_MESSAGE_TYPE_PATTERN: Pattern = Pattern::new(r"(?s).*");
static SMS_VERIFICATION_MESSAGE_TYPE_PATTERN: Pattern = Pattern::new(r".*\{####\}.*");
static SOFTWARE_TOKEN_MFA_USER_CODE_TYPE_PATTERN: Pattern = Pattern::new(r"[0-9]+");
static TERMS_NAME_TYPE_PATTERN: Pattern = Pattern::new(r"^(terms-of-use|privacy-policy)$");
static TOKEN_MODEL_TYPE_PATTERN: Pattern = Pattern::new(r"[A-Za-z0-9-_=.]+");
static USER_IMPORT_JOB_ID_TYPE_PATTERN: Pattern = Pattern::new(r"import-[0-9a-zA-Z-]+");
static USER_POOL_ID_TYPE_PATTERN: Pattern = Pattern::new(r"[\w-]+_[0-9a-zA-Z]+");

static ACCESS_TOKEN_VALIDITY_TYPE: Shape = integer().from(1).to(86_400);
static ACCOUNT_RECOVERY_SETTING_TYPE: Shape = structure(&[
    optional("RecoveryMechanisms", &RECOVERY_MECHANISMS_TYPE),
]);
static ACCOUNT_TAKEOVER_ACTION_NOTIFY_TYPE: Shape = boolean();
static ACCOUNT_TAKEOVER_ACTION_TYPE: Shape = structure(&[
    required("Notify", &ACCOUNT_TAKEOVER_ACTION_NOTIFY_TYPE),
    required("EventAction", &ACCOUNT_TAKEOVER_EVENT_ACTION_TYPE),
]);
static ACCOUNT_TAKEOVER_ACTIONS_TYPE: Shape = structure(&[
    optional("LowAction", &ACCOUNT_TAKEOVER_ACTION_TYPE),
    optional("MediumAction", &ACCOUNT_TAKEOVER_ACTION_TYPE),
    optional("HighAction", &ACCOUNT_TAKEOVER_ACTION_TYPE),
]);
static ACCOUNT_TAKEOVER_EVENT_ACTION_TYPE: Shape = one_of(&[
    "BLOCK", "MFA_IF_CONFIGURED", "MFA_REQUIRED", "NO_ACTION",
]);
static ACCOUNT_TAKEOVER_RISK_CONFIGURATION_TYPE: Shape = structure(&[
    optional("NotifyConfiguration", &NOTIFY_CONFIGURATION_TYPE),
    required("Actions", &ACCOUNT_TAKEOVER_ACTIONS_TYPE),
]);
static ACR_CONFIGURATION_TYPE: Shape = map(&ACR_LEVEL_KEY_TYPE, &ACR_LEVEL_CONFIG_TYPE).from(0).to(4);
static ACR_LEVEL_CONFIG_TYPE: Shape = structure(&[required("AcrValue", &ACR_VALUE_TYPE)]);
static ACR_LEVEL_KEY_TYPE: Shape = text().matching(&ACR_LEVEL_KEY_TYPE_PATTERN);
static ACR_MAPPING_KEY_TYPE: Shape = text().matching(&ACR_LEVEL_KEY_TYPE_PATTERN);
static ACR_MAPPING_TYPE: Shape = map(&ACR_MAPPING_KEY_TYPE, &ACR_VALUE_TYPE).from(0).to(4);
static ACR_VALUE_TYPE: Shape = text().from(1).to(64).matching(&ACR_VALUE_TYPE_PATTERN);
static ADD_CUSTOM_ATTRIBUTES_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("CustomAttributes", &CUSTOM_ATTRIBUTES_LIST_TYPE),
]);
static ADD_USER_POOL_CLIENT_SECRET_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    optional("ClientSecret", &CLIENT_SECRET_TYPE),
]);
static ADMIN_ADD_USER_TO_GROUP_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("GroupName", &GROUP_NAME_TYPE),
]);
static ADMIN_CONFIRM_SIGN_UP_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static ADMIN_CREATE_USER_CONFIG_TYPE: Shape = structure(&[
    optional("AllowAdminCreateUserOnly", &BOOLEAN_TYPE),
    optional("UnusedAccountValidityDays", &ADMIN_CREATE_USER_UNUSED_ACCOUNT_VALIDITY_DAYS_TYPE),
    optional("InviteMessageTemplate", &MESSAGE_TEMPLATE_TYPE),
]);
static ADMIN_CREATE_USER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    optional("UserAttributes", &ATTRIBUTE_LIST_TYPE), optional("ValidationData", &ATTRIBUTE_LIST_TYPE),
    optional("TemporaryPassword", &PASSWORD_TYPE), optional("ForceAliasCreation", &FORCE_ALIAS_CREATION),
    optional("MessageAction", &MESSAGE_ACTION_TYPE),
    optional("DesiredDeliveryMediums", &DELIVERY_MEDIUM_LIST_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static ADMIN_CREATE_USER_UNUSED_ACCOUNT_VALIDITY_DAYS_TYPE: Shape = integer().from(0).to(365);
static ADMIN_DELETE_SOFTWARE_TOKEN_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
]);
static ADMIN_DELETE_USER_ATTRIBUTES_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("UserAttributeNames", &ATTRIBUTE_NAME_LIST_TYPE),
]);
static ADMIN_DELETE_USER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
]);
static ADMIN_DISABLE_PROVIDER_FOR_USER_REQUEST: Shape = structure(&[
    required("UserPoolId", &STRING_TYPE), required("User", &PROVIDER_USER_IDENTIFIER_TYPE),
]);
static ADMIN_DISABLE_USER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
]);
static ADMIN_ENABLE_USER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
]);
static ADMIN_FORGET_DEVICE_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("DeviceKey", &DEVICE_KEY_TYPE),
]);
static ADMIN_GET_DEVICE_REQUEST: Shape = structure(&[
    required("DeviceKey", &DEVICE_KEY_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    required("Username", &USERNAME_TYPE),
]);
static ADMIN_GET_USER_AUTH_FACTORS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
]);
static ADMIN_GET_USER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
]);
static ADMIN_INITIATE_AUTH_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    required("AuthFlow", &AUTH_FLOW_TYPE), optional("AuthParameters", &AUTH_PARAMETERS_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
    optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE), optional("ContextData", &CONTEXT_DATA_TYPE),
    optional("Session", &SESSION_TYPE),
]);
static ADMIN_LINK_PROVIDER_FOR_USER_REQUEST: Shape = structure(&[
    required("UserPoolId", &STRING_TYPE), required("DestinationUser", &PROVIDER_USER_IDENTIFIER_TYPE),
    required("SourceUser", &PROVIDER_USER_IDENTIFIER_TYPE),
]);
static ADMIN_LIST_DEVICES_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    optional("Limit", &QUERY_LIMIT_TYPE), optional("PaginationToken", &SEARCH_PAGINATION_TOKEN_TYPE),
]);
static ADMIN_LIST_GROUPS_FOR_USER_REQUEST: Shape = structure(&[
    required("Username", &USERNAME_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    optional("Limit", &QUERY_LIMIT_TYPE), optional("NextToken", &PAGINATION_KEY),
]);
static ADMIN_LIST_USER_AUTH_EVENTS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    optional("MaxResults", &QUERY_LIMIT_TYPE), optional("NextToken", &PAGINATION_KEY),
]);
static ADMIN_LIST_USER_SESSIONS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    optional("NextToken", &PAGINATION_KEY),
]);
static ADMIN_REMOVE_USER_FROM_GROUP_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("GroupName", &GROUP_NAME_TYPE),
]);
static ADMIN_RESET_USER_PASSWORD_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static ADMIN_RESPOND_TO_AUTH_CHALLENGE_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    required("ChallengeName", &CHALLENGE_NAME_TYPE),
    optional("ChallengeResponses", &CHALLENGE_RESPONSES_TYPE), optional("Session", &SESSION_TYPE),
    optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE), optional("ContextData", &CONTEXT_DATA_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static ADMIN_REVOKE_USER_SESSION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("SessionId", &SESSION_ID_TYPE),
    optional("RevokeAssociatedSessions", &REVOKE_ASSOCIATED_SESSIONS_TYPE),
]);
static ADMIN_SET_USER_MFA_PREFERENCE_REQUEST: Shape = structure(&[
    optional("SMSMfaSettings", &SMS_MFA_SETTINGS_TYPE),
    optional("SoftwareTokenMfaSettings", &SOFTWARE_TOKEN_MFA_SETTINGS_TYPE),
    optional("EmailMfaSettings", &EMAIL_MFA_SETTINGS_TYPE),
    optional("WebAuthnMfaSettings", &WEB_AUTHN_MFA_SETTINGS_TYPE), required("Username", &USERNAME_TYPE),
    required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static ADMIN_SET_USER_PASSWORD_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("Password", &PASSWORD_TYPE), optional("Permanent", &BOOLEAN_TYPE),
]);
static ADMIN_SET_USER_SETTINGS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("MFAOptions", &MFA_OPTION_LIST_TYPE),
]);
static ADMIN_UPDATE_AUTH_EVENT_FEEDBACK_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("EventId", &EVENT_ID_TYPE), required("FeedbackValue", &FEEDBACK_VALUE_TYPE),
]);
static ADMIN_UPDATE_DEVICE_STATUS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("DeviceKey", &DEVICE_KEY_TYPE),
    optional("DeviceRememberedStatus", &DEVICE_REMEMBERED_STATUS_TYPE),
]);
static ADMIN_UPDATE_USER_ATTRIBUTES_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("UserAttributes", &ATTRIBUTE_LIST_TYPE), optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static ADMIN_USER_GLOBAL_SIGN_OUT_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
]);
static ADVANCED_SECURITY_ADDITIONAL_FLOWS_TYPE: Shape = structure(&[
    optional("CustomAuthMode", &ADVANCED_SECURITY_ENABLED_MODE_TYPE),
]);
static ADVANCED_SECURITY_ENABLED_MODE_TYPE: Shape = one_of(&["AUDIT", "ENFORCED"]);
static ADVANCED_SECURITY_MODE_TYPE: Shape = one_of(&["OFF", "AUDIT", "ENFORCED"]);
static ALIAS_ATTRIBUTE_TYPE: Shape = one_of(&["phone_number", "email", "preferred_username"]);
static ALIAS_ATTRIBUTES_LIST_TYPE: Shape = list(&ALIAS_ATTRIBUTE_TYPE);
static ALLOWED_FIRST_AUTH_FACTORS_LIST_TYPE: Shape = list(&AUTH_FACTOR_TYPE).from(1).to(5);
static ANALYTICS_CONFIGURATION_TYPE: Shape = structure(&[
    optional("ApplicationId", &HEX_STRING_TYPE), optional("ApplicationArn", &ARN_TYPE),
    optional("RoleArn", &ARN_TYPE), optional("ExternalId", &STRING_TYPE),
    optional("UserDataShared", &BOOLEAN_TYPE),
]);
static ANALYTICS_METADATA_TYPE: Shape = structure(&[optional("AnalyticsEndpointId", &STRING_TYPE)]);
static ARN_TYPE: Shape = text().from(20).to(2_048).matching(&ARN_TYPE_PATTERN);
static ASSET_BYTES_TYPE: Shape = blob().to(1_000_000);
static ASSET_CATEGORY_TYPE: Shape = one_of(&[
    "FAVICON_ICO", "FAVICON_SVG", "EMAIL_GRAPHIC", "SMS_GRAPHIC", "AUTH_APP_GRAPHIC", "PASSWORD_GRAPHIC",
    "PASSKEY_GRAPHIC", "PAGE_HEADER_LOGO", "PAGE_HEADER_BACKGROUND", "PAGE_FOOTER_LOGO",
    "PAGE_FOOTER_BACKGROUND", "PAGE_BACKGROUND", "FORM_BACKGROUND", "FORM_LOGO", "IDP_BUTTON_ICON",
]);
static ASSET_EXTENSION_TYPE: Shape = one_of(&["ICO", "JPEG", "PNG", "SVG", "WEBP"]);
static ASSET_LIST_TYPE: Shape = list(&ASSET_TYPE).from(0).to(40);
static ASSET_TYPE: Shape = structure(&[
    required("Category", &ASSET_CATEGORY_TYPE), required("ColorMode", &COLOR_SCHEME_MODE_TYPE),
    required("Extension", &ASSET_EXTENSION_TYPE), optional("Bytes", &ASSET_BYTES_TYPE),
    optional("ResourceId", &RESOURCE_ID_TYPE),
]);
static ASSOCIATE_SOFTWARE_TOKEN_REQUEST: Shape = structure(&[
    optional("AccessToken", &TOKEN_MODEL_TYPE), optional("Session", &SESSION_TYPE),
]);
static ATTRIBUTE_DATA_TYPE: Shape = one_of(&["String", "Number", "DateTime", "Boolean"]);
static ATTRIBUTE_LIST_TYPE: Shape = list(&ATTRIBUTE_TYPE);
static ATTRIBUTE_MAPPING_KEY_TYPE: Shape = text().from(1).to(32);
static ATTRIBUTE_MAPPING_TYPE: Shape = map(&ATTRIBUTE_MAPPING_KEY_TYPE, &STRING_TYPE);
static ATTRIBUTE_NAME_LIST_TYPE: Shape = list(&ATTRIBUTE_NAME_TYPE);
static ATTRIBUTE_NAME_TYPE: Shape = text().from(1).to(32).matching(&ATTRIBUTE_NAME_TYPE_PATTERN);
static ATTRIBUTE_TYPE: Shape = structure(&[
    required("Name", &ATTRIBUTE_NAME_TYPE), optional("Value", &ATTRIBUTE_VALUE_TYPE),
]);
static ATTRIBUTE_VALUE_TYPE: Shape = text().to(2_048).sensitive();
static ATTRIBUTES_REQUIRE_VERIFICATION_BEFORE_UPDATE_TYPE: Shape = list(&VERIFIED_ATTRIBUTE_TYPE);
static AUDIENCE_LIST_TYPE: Shape = list(&AUDIENCE_TYPE).from(0).to(1);
static AUDIENCE_TYPE: Shape = text().from(1).to(256).matching(&ACR_VALUE_TYPE_PATTERN);
static AUTH_FACTOR_TYPE: Shape = one_of(&["PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN", "SOFTWARE_TOKEN"]);
static AUTH_FLOW_TYPE: Shape = one_of(&[
    "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "CUSTOM_AUTH", "ADMIN_NO_SRP_AUTH",
    "USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_AUTH",
]);
static AUTH_PARAMETERS_TYPE: Shape = map(&STRING_TYPE, &STRING_TYPE).sensitive();
static AUTH_SESSION_VALIDITY_TYPE: Shape = integer().from(3).to(15);
static BLOCKED_IP_RANGE_LIST_TYPE: Shape = list(&STRING_TYPE).to(200);
static BOOLEAN_TYPE: Shape = boolean();
static CSS_TYPE: Shape = text().from(0).to(131_072);
static CALLBACK_UR_LS_LIST_TYPE: Shape = list(&REDIRECT_URL_TYPE).from(0).to(100);
static CHALLENGE_NAME_TYPE: Shape = one_of(&[
    "SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA", "SELECT_MFA_TYPE", "MFA_SETUP", "PASSWORD_VERIFIER",
    "CUSTOM_CHALLENGE", "SELECT_CHALLENGE", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER",
    "ADMIN_NO_SRP_AUTH", "NEW_PASSWORD_REQUIRED", "SMS_OTP", "PASSWORD", "WEB_AUTHN", "PASSWORD_SRP",
]);
static CHALLENGE_RESPONSES_TYPE: Shape = map(&STRING_TYPE, &STRING_TYPE).sensitive();
static CHANGE_PASSWORD_REQUEST: Shape = structure(&[
    optional("PreviousPassword", &PASSWORD_TYPE), required("ProposedPassword", &PASSWORD_TYPE),
    required("AccessToken", &TOKEN_MODEL_TYPE),
]);
static CLIENT_ID_TYPE: Shape = text().from(1).to(128).matching(&CLIENT_ID_TYPE_PATTERN).sensitive();
static CLIENT_METADATA_TYPE: Shape = map(&STRING_TYPE, &STRING_TYPE);
static CLIENT_NAME_TYPE: Shape = text().from(1).to(128).matching(&CLIENT_NAME_TYPE_PATTERN);
static CLIENT_PERMISSION_LIST_TYPE: Shape = list(&CLIENT_PERMISSION_TYPE);
static CLIENT_PERMISSION_TYPE: Shape = text().from(1).to(2_048);
static CLIENT_SSO_SESSION_CONFIG_TYPE: Shape = structure(&[
    required("MaxValidityMinutes", &SSO_SESSION_MAX_VALIDITY_MINUTES_TYPE),
]);
static CLIENT_SECRET_ID_TYPE: Shape = text().from(1).to(128);
static CLIENT_SECRET_TYPE: Shape = text().from(24).to(64).matching(&CLIENT_ID_TYPE_PATTERN).sensitive();
static CLIENT_TYPE_TYPE: Shape = one_of(&["REGULAR", "DCR"]);
static CLOUD_WATCH_LOGS_CONFIGURATION_TYPE: Shape = structure(&[optional("LogGroupArn", &ARN_TYPE)]);
static COLOR_SCHEME_MODE_TYPE: Shape = one_of(&["LIGHT", "DARK", "DYNAMIC"]);
static COMPLETE_WEB_AUTHN_REGISTRATION_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), required("Credential", &DOCUMENT),
]);
static COMPROMISED_CREDENTIALS_ACTIONS_TYPE: Shape = structure(&[
    required("EventAction", &COMPROMISED_CREDENTIALS_EVENT_ACTION_TYPE),
]);
static COMPROMISED_CREDENTIALS_EVENT_ACTION_TYPE: Shape = one_of(&["BLOCK", "NO_ACTION"]);
static COMPROMISED_CREDENTIALS_RISK_CONFIGURATION_TYPE: Shape = structure(&[
    optional("EventFilter", &EVENT_FILTERS_TYPE), required("Actions", &COMPROMISED_CREDENTIALS_ACTIONS_TYPE),
]);
static CONFIRM_DEVICE_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), required("DeviceKey", &DEVICE_KEY_TYPE),
    optional("DeviceSecretVerifierConfig", &DEVICE_SECRET_VERIFIER_CONFIG_TYPE),
    optional("DeviceName", &DEVICE_NAME_TYPE),
]);
static CONFIRM_FORGOT_PASSWORD_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), optional("SecretHash", &SECRET_HASH_TYPE),
    required("Username", &USERNAME_TYPE), required("ConfirmationCode", &CONFIRMATION_CODE_TYPE),
    required("Password", &PASSWORD_TYPE), optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE),
    optional("UserContextData", &USER_CONTEXT_DATA_TYPE), optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static CONFIRM_SIGN_UP_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), optional("SecretHash", &SECRET_HASH_TYPE),
    required("Username", &USERNAME_TYPE), required("ConfirmationCode", &CONFIRMATION_CODE_TYPE),
    optional("ForceAliasCreation", &FORCE_ALIAS_CREATION),
    optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE),
    optional("UserContextData", &USER_CONTEXT_DATA_TYPE), optional("ClientMetadata", &CLIENT_METADATA_TYPE),
    optional("Session", &SESSION_TYPE),
]);
static CONFIRMATION_CODE_TYPE: Shape = text().from(1).to(2_048).matching(&CONFIRMATION_CODE_TYPE_PATTERN);
static CONTEXT_DATA_TYPE: Shape = structure(&[
    required("IpAddress", &STRING_TYPE), required("ServerName", &STRING_TYPE),
    required("ServerPath", &STRING_TYPE), required("HttpHeaders", &HTTP_HEADER_LIST),
    optional("EncodedData", &STRING_TYPE),
]);
static CREATE_GROUP_REQUEST: Shape = structure(&[
    required("GroupName", &GROUP_NAME_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    optional("Description", &DESCRIPTION_TYPE), optional("RoleArn", &ARN_TYPE),
    optional("Precedence", &PRECEDENCE_TYPE),
]);
static CREATE_IDENTITY_PROVIDER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ProviderName", &PROVIDER_NAME_TYPE_V2),
    required("ProviderType", &IDENTITY_PROVIDER_TYPE_TYPE),
    required("ProviderDetails", &PROVIDER_DETAILS_TYPE),
    optional("AttributeMapping", &ATTRIBUTE_MAPPING_TYPE),
    optional("IdpIdentifiers", &IDP_IDENTIFIERS_LIST_TYPE), optional("AcrMapping", &ACR_MAPPING_TYPE),
]);
static CREATE_MANAGED_LOGIN_BRANDING_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    optional("UseCognitoProvidedValues", &BOOLEAN_TYPE), optional("Settings", &DOCUMENT),
    optional("Assets", &ASSET_LIST_TYPE),
]);
static CREATE_RESOURCE_SERVER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Identifier", &RESOURCE_SERVER_IDENTIFIER_TYPE),
    required("Name", &RESOURCE_SERVER_NAME_TYPE), optional("Scopes", &RESOURCE_SERVER_SCOPE_LIST_TYPE),
]);
static CREATE_TERMS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    required("TermsName", &TERMS_NAME_TYPE), required("TermsSource", &TERMS_SOURCE_TYPE),
    required("Enforcement", &TERMS_ENFORCEMENT_TYPE), optional("Links", &LINKS_TYPE),
]);
static CREATE_USER_IMPORT_JOB_REQUEST: Shape = structure(&[
    required("JobName", &USER_IMPORT_JOB_NAME_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    required("CloudWatchLogsRoleArn", &ARN_TYPE),
    optional("PasswordHashingAlgorithm", &PASSWORD_HASHING_ALGORITHM_TYPE),
]);
static CREATE_USER_POOL_CLIENT_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientName", &CLIENT_NAME_TYPE),
    optional("GenerateSecret", &GENERATE_SECRET), optional("ClientSecret", &CLIENT_SECRET_TYPE),
    optional("RefreshTokenValidity", &REFRESH_TOKEN_VALIDITY_TYPE),
    optional("AccessTokenValidity", &ACCESS_TOKEN_VALIDITY_TYPE),
    optional("IdTokenValidity", &ID_TOKEN_VALIDITY_TYPE),
    optional("TokenValidityUnits", &TOKEN_VALIDITY_UNITS_TYPE),
    optional("ReadAttributes", &CLIENT_PERMISSION_LIST_TYPE),
    optional("WriteAttributes", &CLIENT_PERMISSION_LIST_TYPE),
    optional("ExplicitAuthFlows", &EXPLICIT_AUTH_FLOWS_LIST_TYPE),
    optional("SupportedIdentityProviders", &SUPPORTED_IDENTITY_PROVIDERS_LIST_TYPE),
    optional("CallbackURLs", &CALLBACK_UR_LS_LIST_TYPE), optional("LogoutURLs", &LOGOUT_UR_LS_LIST_TYPE),
    optional("DefaultRedirectURI", &REDIRECT_URL_TYPE), optional("AllowedOAuthFlows", &O_AUTH_FLOWS_TYPE),
    optional("AllowedOAuthScopes", &SCOPE_LIST_TYPE),
    optional("AllowedOAuthFlowsUserPoolClient", &BOOLEAN_TYPE),
    optional("AnalyticsConfiguration", &ANALYTICS_CONFIGURATION_TYPE),
    optional("PreventUserExistenceErrors", &PREVENT_USER_EXISTENCE_ERROR_TYPES),
    optional("EnableTokenRevocation", &WRAPPED_BOOLEAN_TYPE),
    optional("EnablePropagateAdditionalUserContextData", &WRAPPED_BOOLEAN_TYPE),
    optional("AuthSessionValidity", &AUTH_SESSION_VALIDITY_TYPE),
    optional("RefreshTokenRotation", &REFRESH_TOKEN_ROTATION_TYPE),
]);
static CREATE_USER_POOL_DOMAIN_REQUEST: Shape = structure(&[
    required("Domain", &DOMAIN_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    optional("ManagedLoginVersion", &WRAPPED_INTEGER_TYPE),
    optional("CustomDomainConfig", &CUSTOM_DOMAIN_CONFIG_TYPE), optional("Routing", &ROUTING_TYPE),
]);
static CREATE_USER_POOL_REPLICA_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("RegionName", &REGION_NAME_TYPE),
    optional("UserPoolTags", &USER_POOL_TAGS_TYPE),
]);
static CREATE_USER_POOL_REQUEST: Shape = structure(&[
    required("PoolName", &USER_POOL_NAME_TYPE), optional("Policies", &USER_POOL_POLICY_TYPE),
    optional("DeletionProtection", &DELETION_PROTECTION_TYPE), optional("LambdaConfig", &LAMBDA_CONFIG_TYPE),
    optional("AutoVerifiedAttributes", &VERIFIED_ATTRIBUTES_LIST_TYPE),
    optional("AliasAttributes", &ALIAS_ATTRIBUTES_LIST_TYPE),
    optional("UsernameAttributes", &USERNAME_ATTRIBUTES_LIST_TYPE),
    optional("SmsVerificationMessage", &SMS_VERIFICATION_MESSAGE_TYPE),
    optional("EmailVerificationMessage", &EMAIL_VERIFICATION_MESSAGE_TYPE),
    optional("EmailVerificationSubject", &EMAIL_VERIFICATION_SUBJECT_TYPE),
    optional("VerificationMessageTemplate", &VERIFICATION_MESSAGE_TEMPLATE_TYPE),
    optional("SmsAuthenticationMessage", &SMS_VERIFICATION_MESSAGE_TYPE),
    optional("MfaConfiguration", &USER_POOL_MFA_TYPE),
    optional("UserAttributeUpdateSettings", &USER_ATTRIBUTE_UPDATE_SETTINGS_TYPE),
    optional("DeviceConfiguration", &DEVICE_CONFIGURATION_TYPE),
    optional("EmailConfiguration", &EMAIL_CONFIGURATION_TYPE),
    optional("SmsConfiguration", &SMS_CONFIGURATION_TYPE), optional("UserPoolTags", &USER_POOL_TAGS_TYPE),
    optional("AdminCreateUserConfig", &ADMIN_CREATE_USER_CONFIG_TYPE),
    optional("Schema", &SCHEMA_ATTRIBUTES_LIST_TYPE), optional("UserPoolAddOns", &USER_POOL_ADD_ONS_TYPE),
    optional("DcrConfiguration", &DCR_CONFIGURATION_TYPE),
    optional("UsernameConfiguration", &USERNAME_CONFIGURATION_TYPE),
    optional("AccountRecoverySetting", &ACCOUNT_RECOVERY_SETTING_TYPE),
    optional("UserPoolTier", &USER_POOL_TIER_TYPE), optional("KeyConfiguration", &KEY_CONFIGURATION_TYPE),
    optional("IssuerConfiguration", &ISSUER_CONFIGURATION_TYPE),
    optional("AcrConfiguration", &ACR_CONFIGURATION_TYPE),
]);
static CUSTOM_ATTRIBUTE_NAME_TYPE: Shape =
    text().from(1).to(20).matching(&CUSTOM_ATTRIBUTE_NAME_TYPE_PATTERN);
static CUSTOM_ATTRIBUTES_LIST_TYPE: Shape = list(&SCHEMA_ATTRIBUTE_TYPE).from(1).to(25);
static CUSTOM_DOMAIN_CONFIG_TYPE: Shape = structure(&[
    required("CertificateArn", &ARN_TYPE), optional("SecurityPolicy", &SECURITY_POLICY_TYPE),
]);
static CUSTOM_EMAIL_LAMBDA_VERSION_CONFIG_TYPE: Shape = structure(&[
    required("LambdaVersion", &CUSTOM_EMAIL_SENDER_LAMBDA_VERSION_TYPE), required("LambdaArn", &ARN_TYPE),
]);
static CUSTOM_EMAIL_SENDER_LAMBDA_VERSION_TYPE: Shape = one_of(&["V1_0"]);
static CUSTOM_SMS_LAMBDA_VERSION_CONFIG_TYPE: Shape = structure(&[
    required("LambdaVersion", &CUSTOM_SMS_SENDER_LAMBDA_VERSION_TYPE), required("LambdaArn", &ARN_TYPE),
]);
static CUSTOM_SMS_SENDER_LAMBDA_VERSION_TYPE: Shape = one_of(&["V1_0"]);
static DCR_CONFIGURATION_TYPE: Shape = structure(&[
    optional("EnableStatus", &STATUS_TYPE), optional("OpenDcrEnabled", &BOOLEAN_TYPE),
    optional("AuthenticatedGrantTypes", &O_AUTH_FLOWS_TYPE),
    optional("OpenDcrGrantTypes", &O_AUTH_FLOWS_TYPE), optional("AllowedScopes", &SCOPE_LIST_TYPE),
]);
static DEFAULT_EMAIL_OPTION_TYPE: Shape = one_of(&["CONFIRM_WITH_LINK", "CONFIRM_WITH_CODE"]);
static DELETE_GROUP_REQUEST: Shape = structure(&[
    required("GroupName", &GROUP_NAME_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static DELETE_IDENTITY_PROVIDER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ProviderName", &PROVIDER_NAME_TYPE),
]);
static DELETE_MANAGED_LOGIN_BRANDING_REQUEST: Shape = structure(&[
    required("ManagedLoginBrandingId", &MANAGED_LOGIN_BRANDING_ID_TYPE),
    required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static DELETE_RESOURCE_SERVER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Identifier", &RESOURCE_SERVER_IDENTIFIER_TYPE),
]);
static DELETE_TERMS_REQUEST: Shape = structure(&[
    required("TermsId", &TERMS_ID_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static DELETE_USER_ATTRIBUTES_REQUEST: Shape = structure(&[
    required("UserAttributeNames", &ATTRIBUTE_NAME_LIST_TYPE), required("AccessToken", &TOKEN_MODEL_TYPE),
]);
static DELETE_USER_POOL_CLIENT_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
]);
static DELETE_USER_POOL_CLIENT_SECRET_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    required("ClientSecretId", &CLIENT_SECRET_ID_TYPE),
]);
static DELETE_USER_POOL_DOMAIN_REQUEST: Shape = structure(&[
    required("Domain", &DOMAIN_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static DELETE_USER_POOL_REPLICA_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("RegionName", &REGION_NAME_TYPE),
]);
static DELETE_USER_POOL_REQUEST: Shape = structure(&[required("UserPoolId", &USER_POOL_ID_TYPE)]);
static DELETE_USER_REQUEST: Shape = structure(&[required("AccessToken", &TOKEN_MODEL_TYPE)]);
static DELETE_WEB_AUTHN_CREDENTIAL_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), required("CredentialId", &STRING_TYPE),
]);
static DELETION_PROTECTION_TYPE: Shape = one_of(&["ACTIVE", "INACTIVE"]);
static DELIVERY_MEDIUM_LIST_TYPE: Shape = list(&DELIVERY_MEDIUM_TYPE);
static DELIVERY_MEDIUM_TYPE: Shape = one_of(&["SMS", "EMAIL"]);
static DESCRIBE_IDENTITY_PROVIDER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ProviderName", &PROVIDER_NAME_TYPE),
]);
static DESCRIBE_MANAGED_LOGIN_BRANDING_BY_CLIENT_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    optional("ReturnMergedResources", &BOOLEAN_TYPE),
]);
static DESCRIBE_MANAGED_LOGIN_BRANDING_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE),
    required("ManagedLoginBrandingId", &MANAGED_LOGIN_BRANDING_ID_TYPE),
    optional("ReturnMergedResources", &BOOLEAN_TYPE),
]);
static DESCRIBE_RESOURCE_SERVER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Identifier", &RESOURCE_SERVER_IDENTIFIER_TYPE),
]);
static DESCRIBE_RISK_CONFIGURATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("ClientId", &CLIENT_ID_TYPE),
]);
static DESCRIBE_TERMS_BY_CLIENT_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    required("TermsName", &TERMS_NAME_TYPE),
]);
static DESCRIBE_TERMS_REQUEST: Shape = structure(&[
    required("TermsId", &TERMS_ID_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static DESCRIBE_USER_IMPORT_JOB_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("JobId", &USER_IMPORT_JOB_ID_TYPE),
]);
static DESCRIBE_USER_POOL_CLIENT_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
]);
static DESCRIBE_USER_POOL_DOMAIN_REQUEST: Shape = structure(&[required("Domain", &DOMAIN_TYPE)]);
static DESCRIBE_USER_POOL_REQUEST: Shape = structure(&[required("UserPoolId", &USER_POOL_ID_TYPE)]);
static DESCRIPTION_TYPE: Shape = text().to(2_048);
static DEVICE_CONFIGURATION_TYPE: Shape = structure(&[
    optional("ChallengeRequiredOnNewDevice", &BOOLEAN_TYPE),
    optional("DeviceOnlyRememberedOnUserPrompt", &BOOLEAN_TYPE),
]);
static DEVICE_KEY_TYPE: Shape = text().from(1).to(55).matching(&DEVICE_KEY_TYPE_PATTERN);
static DEVICE_NAME_TYPE: Shape = text().from(1).to(1_024);
static DEVICE_REMEMBERED_STATUS_TYPE: Shape = one_of(&["remembered", "not_remembered"]);
static DEVICE_SECRET_VERIFIER_CONFIG_TYPE: Shape = structure(&[
    optional("PasswordVerifier", &STRING_TYPE), optional("Salt", &STRING_TYPE),
]);
static DOCUMENT: Shape = document();
static DOMAIN_TYPE: Shape = text().from(1).to(63).matching(&DOMAIN_TYPE_PATTERN);
static EMAIL_ADDRESS_TYPE: Shape = text().matching(&EMAIL_ADDRESS_TYPE_PATTERN);
static EMAIL_CONFIGURATION_TYPE: Shape = structure(&[
    optional("SourceArn", &ARN_TYPE), optional("ReplyToEmailAddress", &EMAIL_ADDRESS_TYPE),
    optional("EmailSendingAccount", &EMAIL_SENDING_ACCOUNT_TYPE), optional("From", &STRING_TYPE),
    optional("ConfigurationSet", &SES_CONFIGURATION_SET),
]);
static EMAIL_INVITE_MESSAGE_TYPE: Shape =
    text().from(6).to(20_000).matching(&EMAIL_INVITE_MESSAGE_TYPE_PATTERN);
static EMAIL_MFA_CONFIG_TYPE: Shape = structure(&[
    optional("Message", &EMAIL_MFA_MESSAGE_TYPE), optional("Subject", &EMAIL_MFA_SUBJECT_TYPE),
]);
static EMAIL_MFA_MESSAGE_TYPE: Shape = text().from(6).to(20_000).matching(&EMAIL_MFA_MESSAGE_TYPE_PATTERN);
static EMAIL_MFA_SETTINGS_TYPE: Shape = structure(&[
    optional("Enabled", &BOOLEAN_TYPE), optional("PreferredMfa", &BOOLEAN_TYPE),
]);
static EMAIL_MFA_SUBJECT_TYPE: Shape = text().matching(&EMAIL_MFA_SUBJECT_TYPE_PATTERN);
static EMAIL_NOTIFICATION_BODY_TYPE: Shape =
    text().from(6).to(20_000).matching(&EMAIL_NOTIFICATION_BODY_TYPE_PATTERN);
static EMAIL_NOTIFICATION_SUBJECT_TYPE: Shape =
    text().from(1).to(140).matching(&EMAIL_MFA_SUBJECT_TYPE_PATTERN);
static EMAIL_SENDING_ACCOUNT_TYPE: Shape = one_of(&["COGNITO_DEFAULT", "DEVELOPER"]);
static EMAIL_VERIFICATION_MESSAGE_BY_LINK_TYPE: Shape =
    text().from(6).to(20_000).matching(&EMAIL_VERIFICATION_MESSAGE_BY_LINK_TYPE_PATTERN);
static EMAIL_VERIFICATION_MESSAGE_TYPE: Shape =
    text().from(6).to(20_000).matching(&EMAIL_MFA_MESSAGE_TYPE_PATTERN);
static EMAIL_VERIFICATION_SUBJECT_BY_LINK_TYPE: Shape =
    text().from(1).to(140).matching(&EMAIL_MFA_SUBJECT_TYPE_PATTERN);
static EMAIL_VERIFICATION_SUBJECT_TYPE: Shape =
    text().from(1).to(140).matching(&EMAIL_MFA_SUBJECT_TYPE_PATTERN);
static ENCRYPTION_KEY_ARN_TYPE: Shape = text().from(20).to(2_048).matching(&ARN_TYPE_PATTERN);
static ENCRYPTION_KEY_TYPE: Shape = one_of(&["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KEY"]);
static EUMS_SMS_CONFIGURATION_TYPE: Shape = structure(&[
    required("CallerArn", &ARN_TYPE), optional("ExternalId", &STRING_TYPE),
    optional("OriginationIdentity", &STRING_TYPE), optional("ConfigurationSetName", &STRING_TYPE),
    optional("InEntityId", &STRING_TYPE), optional("InTemplateId", &STRING_TYPE),
    optional("Region", &REGION_CODE_TYPE),
]);
static EVENT_FILTER_TYPE: Shape = one_of(&["SIGN_IN", "PASSWORD_CHANGE", "SIGN_UP"]);
static EVENT_FILTERS_TYPE: Shape = list(&EVENT_FILTER_TYPE);
static EVENT_ID_TYPE: Shape = text().from(1).to(50).matching(&EVENT_ID_TYPE_PATTERN);
static EVENT_SOURCE_NAME: Shape = one_of(&["userNotification", "userAuthEvents"]);
static EXPLICIT_AUTH_FLOWS_LIST_TYPE: Shape = list(&EXPLICIT_AUTH_FLOWS_TYPE);
static EXPLICIT_AUTH_FLOWS_TYPE: Shape = one_of(&[
    "ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_CUSTOM_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_USER_AUTH", "ALLOW_TOKEN_EXCHANGE_DELEGATION", "ALLOW_TOKEN_EXCHANGE_IMPERSONATION",
]);
static FAILOVER_TYPE: Shape = structure(&[
    required("SecondaryRegion", &REGION_NAME_TYPE),
    required("PrimaryRoute53HealthCheckId", &HEALTH_CHECK_ID_TYPE),
]);
static FEATURE_TYPE: Shape = one_of(&["ENABLED", "DISABLED"]);
static FEEDBACK_VALUE_TYPE: Shape = one_of(&["Valid", "Invalid"]);
static FIREHOSE_CONFIGURATION_TYPE: Shape = structure(&[optional("StreamArn", &ARN_TYPE)]);
static FORCE_ALIAS_CREATION: Shape = boolean();
static FORGET_DEVICE_REQUEST: Shape = structure(&[
    optional("AccessToken", &TOKEN_MODEL_TYPE), required("DeviceKey", &DEVICE_KEY_TYPE),
]);
static FORGOT_PASSWORD_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), optional("SecretHash", &SECRET_HASH_TYPE),
    optional("UserContextData", &USER_CONTEXT_DATA_TYPE), required("Username", &USERNAME_TYPE),
    optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static GENERATE_SECRET: Shape = boolean();
static GET_CSV_HEADER_REQUEST: Shape = structure(&[required("UserPoolId", &USER_POOL_ID_TYPE)]);
static GET_CLIENT_TOKEN_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), required("Secret", &CLIENT_SECRET_TYPE),
    optional("Scopes", &SCOPE_LIST_TYPE), optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static GET_DERIVED_TOKEN_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), optional("ClientSecret", &CLIENT_SECRET_TYPE),
    required("SubjectToken", &GET_DERIVED_TOKEN_TOKEN_MODEL_TYPE),
    required("SubjectTokenType", &TOKEN_TYPE_IDENTIFIER_TYPE),
    optional("SubjectTokenProviderName", &PROVIDER_NAME_TYPE),
    optional("ActorToken", &GET_DERIVED_TOKEN_TOKEN_MODEL_TYPE),
    optional("ActorTokenType", &TOKEN_TYPE_IDENTIFIER_TYPE),
    optional("ActorTokenProviderName", &PROVIDER_NAME_TYPE), optional("Scopes", &SCOPE_LIST_TYPE),
    optional("Audiences", &AUDIENCE_LIST_TYPE), optional("Resources", &RESOURCE_LIST_TYPE),
    optional("RequestedTokenType", &ISSUED_TOKEN_TYPE_IDENTIFIER_TYPE),
]);
static GET_DERIVED_TOKEN_TOKEN_MODEL_TYPE: Shape =
    text().from(0).to(131_072).matching(&GET_DERIVED_TOKEN_TOKEN_MODEL_TYPE_PATTERN).sensitive();
static GET_DEVICE_REQUEST: Shape = structure(&[
    required("DeviceKey", &DEVICE_KEY_TYPE), optional("AccessToken", &TOKEN_MODEL_TYPE),
]);
static GET_GROUP_REQUEST: Shape = structure(&[
    required("GroupName", &GROUP_NAME_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static GET_IDENTITY_PROVIDER_BY_IDENTIFIER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("IdpIdentifier", &IDP_IDENTIFIER_TYPE),
]);
static GET_LOG_DELIVERY_CONFIGURATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static GET_PROVISIONED_LIMIT_REQUEST: Shape = structure(&[
    required("LimitDefinition", &LIMIT_DEFINITION_TYPE),
]);
static GET_SIGNING_CERTIFICATE_REQUEST: Shape = structure(&[required("UserPoolId", &USER_POOL_ID_TYPE)]);
static GET_TOKENS_FROM_REFRESH_TOKEN_REQUEST: Shape = structure(&[
    required("RefreshToken", &TOKEN_MODEL_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    optional("ClientSecret", &CLIENT_SECRET_TYPE), optional("DeviceKey", &DEVICE_KEY_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static GET_UI_CUSTOMIZATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("ClientId", &CLIENT_ID_TYPE),
]);
static GET_USER_ATTRIBUTE_VERIFICATION_CODE_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), required("AttributeName", &ATTRIBUTE_NAME_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static GET_USER_AUTH_FACTORS_REQUEST: Shape = structure(&[required("AccessToken", &TOKEN_MODEL_TYPE)]);
static GET_USER_POOL_CLIENT_SESSION_CONFIGURATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
]);
static GET_USER_POOL_MFA_CONFIG_REQUEST: Shape = structure(&[required("UserPoolId", &USER_POOL_ID_TYPE)]);
static GET_USER_POOL_SESSION_CONFIGURATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE),
]);
static GET_USER_REQUEST: Shape = structure(&[required("AccessToken", &TOKEN_MODEL_TYPE)]);
static GLOBAL_SIGN_OUT_REQUEST: Shape = structure(&[required("AccessToken", &TOKEN_MODEL_TYPE)]);
static GROUP_NAME_TYPE: Shape = text().from(1).to(128).matching(&CUSTOM_ATTRIBUTE_NAME_TYPE_PATTERN);
static HEALTH_CHECK_ID_TYPE: Shape = text().to(64);
static HEX_STRING_TYPE: Shape = text().matching(&HEX_STRING_TYPE_PATTERN);
static HTTP_HEADER: Shape = structure(&[
    optional("headerName", &STRING_TYPE), optional("headerValue", &STRING_TYPE),
]);
static HTTP_HEADER_LIST: Shape = list(&HTTP_HEADER);
static ID_TOKEN_VALIDITY_TYPE: Shape = integer().from(1).to(86_400);
static IDENTITY_PROVIDER_TYPE_TYPE: Shape = one_of(&[
    "SAML", "Facebook", "Google", "LoginWithAmazon", "SignInWithApple", "OIDC",
]);
static IDP_IDENTIFIER_TYPE: Shape = text().from(1).to(40).matching(&IDP_IDENTIFIER_TYPE_PATTERN);
static IDP_IDENTIFIERS_LIST_TYPE: Shape = list(&IDP_IDENTIFIER_TYPE).from(0).to(50);
static IMAGE_FILE_TYPE: Shape = blob().from(0).to(131_072);
static INBOUND_FEDERATION_LAMBDA_TYPE: Shape = structure(&[
    required("LambdaVersion", &INBOUND_FEDERATION_LAMBDA_VERSION_TYPE), required("LambdaArn", &ARN_TYPE),
]);
static INBOUND_FEDERATION_LAMBDA_VERSION_TYPE: Shape = one_of(&["V1_0"]);
static INITIATE_AUTH_REQUEST: Shape = structure(&[
    required("AuthFlow", &AUTH_FLOW_TYPE), optional("AuthParameters", &AUTH_PARAMETERS_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE),
    optional("UserContextData", &USER_CONTEXT_DATA_TYPE), optional("Session", &SESSION_TYPE),
]);
static INTEGER_TYPE: Shape = integer();
static ISSUED_TOKEN_TYPE_IDENTIFIER_TYPE: Shape = one_of(&["ACCESS_TOKEN", "ID_TOKEN"]);
static ISSUER_CONFIGURATION_TYPE: Shape = structure(&[optional("Type", &ISSUER_TYPE)]);
static ISSUER_TYPE: Shape = one_of(&["ORIGINAL", "UPDATED"]);
static KEY_CONFIGURATION_TYPE: Shape = structure(&[
    optional("KeyType", &ENCRYPTION_KEY_TYPE), optional("KmsKeyArn", &ENCRYPTION_KEY_ARN_TYPE),
]);
static LAMBDA_CONFIG_TYPE: Shape = structure(&[
    optional("PreSignUp", &ARN_TYPE), optional("CustomMessage", &ARN_TYPE),
    optional("PostConfirmation", &ARN_TYPE), optional("PreAuthentication", &ARN_TYPE),
    optional("PostAuthentication", &ARN_TYPE), optional("DefineAuthChallenge", &ARN_TYPE),
    optional("CreateAuthChallenge", &ARN_TYPE), optional("VerifyAuthChallengeResponse", &ARN_TYPE),
    optional("PreTokenGeneration", &ARN_TYPE), optional("UserMigration", &ARN_TYPE),
    optional("PreTokenGenerationConfig", &PRE_TOKEN_GENERATION_VERSION_CONFIG_TYPE),
    optional("CustomSMSSender", &CUSTOM_SMS_LAMBDA_VERSION_CONFIG_TYPE),
    optional("CustomEmailSender", &CUSTOM_EMAIL_LAMBDA_VERSION_CONFIG_TYPE), optional("KMSKeyID", &ARN_TYPE),
    optional("InboundFederation", &INBOUND_FEDERATION_LAMBDA_TYPE),
]);
static LANGUAGE_ID_TYPE: Shape = text().matching(&LANGUAGE_ID_TYPE_PATTERN);
static LIMIT_CLASS: Shape = one_of(&["API_CATEGORY"]);
static LIMIT_DEFINITION_TYPE: Shape = structure(&[
    required("LimitClass", &LIMIT_CLASS), required("Attributes", &STRING_TO_STRING_MAP_TYPE),
]);
static LINK_URL_TYPE: Shape = text().from(1).to(1_024).matching(&LINK_URL_TYPE_PATTERN);
static LINKS_TYPE: Shape = map(&LANGUAGE_ID_TYPE, &LINK_URL_TYPE).from(1).to(13);
static LIST_DEVICES_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), optional("Limit", &QUERY_LIMIT_TYPE),
    optional("PaginationToken", &SEARCH_PAGINATION_TOKEN_TYPE),
]);
static LIST_GROUPS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("Limit", &QUERY_LIMIT_TYPE),
    optional("NextToken", &PAGINATION_KEY),
]);
static LIST_IDENTITY_PROVIDERS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("MaxResults", &LIST_PROVIDERS_LIMIT_TYPE),
    optional("NextToken", &PAGINATION_KEY_TYPE),
]);
static LIST_PROVIDERS_LIMIT_TYPE: Shape = integer().from(0).to(60);
static LIST_RESOURCE_SERVERS_LIMIT_TYPE: Shape = integer().from(1).to(50);
static LIST_RESOURCE_SERVERS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("MaxResults", &LIST_RESOURCE_SERVERS_LIMIT_TYPE),
    optional("NextToken", &PAGINATION_KEY_TYPE),
]);
static LIST_TAGS_FOR_RESOURCE_REQUEST: Shape = structure(&[required("ResourceArn", &ARN_TYPE)]);
static LIST_TERMS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE),
    optional("MaxResults", &LIST_TERMS_REQUEST_MAX_RESULTS_INTEGER), optional("NextToken", &STRING_TYPE),
]);
static LIST_TERMS_REQUEST_MAX_RESULTS_INTEGER: Shape = integer().from(1).to(60);
static LIST_USER_IMPORT_JOBS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("MaxResults", &POOL_QUERY_LIMIT_TYPE),
    optional("PaginationToken", &PAGINATION_KEY_TYPE),
]);
static LIST_USER_POOL_CLIENT_SECRETS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    optional("NextToken", &PAGINATION_KEY),
]);
static LIST_USER_POOL_CLIENTS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("MaxResults", &QUERY_LIMIT),
    optional("NextToken", &PAGINATION_KEY), optional("ClientType", &CLIENT_TYPE_TYPE),
]);
static LIST_USER_POOL_REPLICAS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("NextToken", &PAGINATION_KEY_TYPE),
]);
static LIST_USER_POOLS_REQUEST: Shape = structure(&[
    optional("NextToken", &PAGINATION_KEY_TYPE), required("MaxResults", &POOL_QUERY_LIMIT_TYPE),
]);
static LIST_USER_SESSIONS_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), optional("NextToken", &PAGINATION_KEY),
]);
static LIST_USERS_IN_GROUP_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("GroupName", &GROUP_NAME_TYPE),
    optional("Limit", &QUERY_LIMIT_TYPE), optional("NextToken", &PAGINATION_KEY),
]);
static LIST_USERS_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE),
    optional("AttributesToGet", &SEARCHED_ATTRIBUTE_NAMES_LIST_TYPE), optional("Limit", &QUERY_LIMIT_TYPE),
    optional("PaginationToken", &SEARCH_PAGINATION_TOKEN_TYPE), optional("Filter", &USER_FILTER_TYPE),
]);
static LIST_WEB_AUTHN_CREDENTIALS_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), optional("NextToken", &PAGINATION_KEY),
    optional("MaxResults", &WEB_AUTHN_CREDENTIALS_QUERY_LIMIT_TYPE),
]);
static LOG_CONFIGURATION_LIST_TYPE: Shape = list(&LOG_CONFIGURATION_TYPE).from(0).to(2);
static LOG_CONFIGURATION_TYPE: Shape = structure(&[
    required("LogLevel", &LOG_LEVEL), required("EventSource", &EVENT_SOURCE_NAME),
    optional("CloudWatchLogsConfiguration", &CLOUD_WATCH_LOGS_CONFIGURATION_TYPE),
    optional("S3Configuration", &S3_CONFIGURATION_TYPE),
    optional("FirehoseConfiguration", &FIREHOSE_CONFIGURATION_TYPE),
]);
static LOG_LEVEL: Shape = one_of(&["ERROR", "INFO"]);
static LOGOUT_UR_LS_LIST_TYPE: Shape = list(&REDIRECT_URL_TYPE).from(0).to(100);
static MFA_OPTION_LIST_TYPE: Shape = list(&MFA_OPTION_TYPE);
static MFA_OPTION_TYPE: Shape = structure(&[
    optional("DeliveryMedium", &DELIVERY_MEDIUM_TYPE), optional("AttributeName", &ATTRIBUTE_NAME_TYPE),
]);
static MANAGED_LOGIN_BRANDING_ID_TYPE: Shape = text().matching(&MANAGED_LOGIN_BRANDING_ID_TYPE_PATTERN);
static MAX_SESSIONS_PER_USER_TYPE: Shape = integer().from(1).to(100);
static MESSAGE_ACTION_TYPE: Shape = one_of(&["RESEND", "SUPPRESS"]);
static MESSAGE_TEMPLATE_TYPE: Shape = structure(&[
    optional("SMSMessage", &SMS_INVITE_MESSAGE_TYPE), optional("EmailMessage", &EMAIL_INVITE_MESSAGE_TYPE),
    optional("EmailSubject", &EMAIL_VERIFICATION_SUBJECT_TYPE),
]);
static NOTIFY_CONFIGURATION_TYPE: Shape = structure(&[
    optional("From", &STRING_TYPE), optional("ReplyTo", &STRING_TYPE), required("SourceArn", &ARN_TYPE),
    optional("BlockEmail", &NOTIFY_EMAIL_TYPE), optional("NoActionEmail", &NOTIFY_EMAIL_TYPE),
    optional("MfaEmail", &NOTIFY_EMAIL_TYPE),
]);
static NOTIFY_EMAIL_TYPE: Shape = structure(&[
    required("Subject", &EMAIL_NOTIFICATION_SUBJECT_TYPE),
    optional("HtmlBody", &EMAIL_NOTIFICATION_BODY_TYPE), optional("TextBody", &EMAIL_NOTIFICATION_BODY_TYPE),
]);
static NUMBER_ATTRIBUTE_CONSTRAINTS_TYPE: Shape = structure(&[
    optional("MinValue", &STRING_TYPE), optional("MaxValue", &STRING_TYPE),
]);
static O_AUTH_FLOW_TYPE: Shape = one_of(&["code", "implicit", "client_credentials"]);
static O_AUTH_FLOWS_TYPE: Shape = list(&O_AUTH_FLOW_TYPE).from(0).to(3);
static OPTIONAL_ARN_TYPE: Shape = text().from(0).to(2_048).matching(&OPTIONAL_ARN_TYPE_PATTERN);
static PAGINATION_KEY: Shape = text().from(1).to(131_072).matching(&CONFIRMATION_CODE_TYPE_PATTERN);
static PAGINATION_KEY_TYPE: Shape = text().from(1).matching(&CONFIRMATION_CODE_TYPE_PATTERN);
static PASSWORD_HASHING_ALGORITHM_TYPE: Shape = one_of(&["BCRYPT", "SCRYPT", "ARGON2ID", "PBKDF2_SHA256"]);
static PASSWORD_HISTORY_SIZE_TYPE: Shape = integer().from(0).to(24);
static PASSWORD_POLICY_MIN_LENGTH_TYPE: Shape = integer().from(6).to(99);
static PASSWORD_POLICY_TYPE: Shape = structure(&[
    optional("MinimumLength", &PASSWORD_POLICY_MIN_LENGTH_TYPE), optional("RequireUppercase", &BOOLEAN_TYPE),
    optional("RequireLowercase", &BOOLEAN_TYPE), optional("RequireNumbers", &BOOLEAN_TYPE),
    optional("RequireSymbols", &BOOLEAN_TYPE), optional("PasswordHistorySize", &PASSWORD_HISTORY_SIZE_TYPE),
    optional("TemporaryPasswordValidityDays", &TEMPORARY_PASSWORD_VALIDITY_DAYS_TYPE),
]);
static PASSWORD_TYPE: Shape = text().to(256).matching(&CONFIRMATION_CODE_TYPE_PATTERN).sensitive();
static POOL_QUERY_LIMIT_TYPE: Shape = integer().from(1).to(60);
static PRE_TOKEN_GENERATION_LAMBDA_VERSION_TYPE: Shape = one_of(&["V1_0", "V2_0", "V3_0"]);
static PRE_TOKEN_GENERATION_VERSION_CONFIG_TYPE: Shape = structure(&[
    required("LambdaVersion", &PRE_TOKEN_GENERATION_LAMBDA_VERSION_TYPE), required("LambdaArn", &ARN_TYPE),
]);
static PRECEDENCE_TYPE: Shape = integer().from(0);
static PREVENT_USER_EXISTENCE_ERROR_TYPES: Shape = one_of(&["LEGACY", "ENABLED"]);
static PRIORITY_TYPE: Shape = integer().from(1).to(2);
static PROVIDER_DETAILS_TYPE: Shape = map(&STRING_TYPE, &STRING_TYPE);
static PROVIDER_NAME_TYPE: Shape = text().from(1).to(32).matching(&PROVIDER_NAME_TYPE_PATTERN);
static PROVIDER_NAME_TYPE_V2: Shape = text().from(1).to(32).matching(&PROVIDER_NAME_TYPE_V2_PATTERN);
static PROVIDER_USER_IDENTIFIER_TYPE: Shape = structure(&[
    optional("ProviderName", &PROVIDER_NAME_TYPE), optional("ProviderAttributeName", &STRING_TYPE),
    optional("ProviderAttributeValue", &STRING_TYPE),
]);
static QUERY_LIMIT: Shape = integer().from(1).to(60);
static QUERY_LIMIT_TYPE: Shape = integer().from(0).to(60);
static RECOVERY_MECHANISMS_TYPE: Shape = list(&RECOVERY_OPTION_TYPE).from(1).to(2);
static RECOVERY_OPTION_NAME_TYPE: Shape = one_of(&["verified_email", "verified_phone_number", "admin_only"]);
static RECOVERY_OPTION_TYPE: Shape = structure(&[
    required("Priority", &PRIORITY_TYPE), required("Name", &RECOVERY_OPTION_NAME_TYPE),
]);
static REDIRECT_URL_TYPE: Shape = text().from(1).to(1_024).matching(&CUSTOM_ATTRIBUTE_NAME_TYPE_PATTERN);
static REFRESH_TOKEN_ROTATION_TYPE: Shape = structure(&[
    required("Feature", &FEATURE_TYPE), optional("RetryGracePeriodSeconds", &RETRY_GRACE_PERIOD_SECONDS_TYPE),
]);
static REFRESH_TOKEN_VALIDITY_TYPE: Shape = integer().from(0).to(315_360_000);
static REGION_CODE_TYPE: Shape = text().from(5).to(32);
static REGION_NAME_TYPE: Shape = text().from(5).to(32);
static RELYING_PARTY_ID_TYPE: Shape = text().from(1).to(127);
static RESEND_CONFIRMATION_CODE_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), optional("SecretHash", &SECRET_HASH_TYPE),
    optional("UserContextData", &USER_CONTEXT_DATA_TYPE), required("Username", &USERNAME_TYPE),
    optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static RESOURCE_ID_TYPE: Shape = text().from(1).to(40).matching(&RESOURCE_ID_TYPE_PATTERN);
static RESOURCE_LIST_TYPE: Shape = list(&RESOURCE_SERVER_IDENTIFIER_TYPE).from(0).to(1);
static RESOURCE_SERVER_IDENTIFIER_TYPE: Shape = text().from(1).to(256).matching(&ACR_VALUE_TYPE_PATTERN);
static RESOURCE_SERVER_NAME_TYPE: Shape = text().from(1).to(256).matching(&CLIENT_NAME_TYPE_PATTERN);
static RESOURCE_SERVER_SCOPE_DESCRIPTION_TYPE: Shape = text().from(1).to(256);
static RESOURCE_SERVER_SCOPE_LIST_TYPE: Shape = list(&RESOURCE_SERVER_SCOPE_TYPE).to(100);
static RESOURCE_SERVER_SCOPE_NAME_TYPE: Shape =
    text().from(1).to(256).matching(&RESOURCE_SERVER_SCOPE_NAME_TYPE_PATTERN);
static RESOURCE_SERVER_SCOPE_TYPE: Shape = structure(&[
    required("ScopeName", &RESOURCE_SERVER_SCOPE_NAME_TYPE),
    required("ScopeDescription", &RESOURCE_SERVER_SCOPE_DESCRIPTION_TYPE),
]);
static RESPOND_TO_AUTH_CHALLENGE_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), required("ChallengeName", &CHALLENGE_NAME_TYPE),
    optional("Session", &SESSION_TYPE), optional("ChallengeResponses", &CHALLENGE_RESPONSES_TYPE),
    optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE),
    optional("UserContextData", &USER_CONTEXT_DATA_TYPE), optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static RETRY_GRACE_PERIOD_SECONDS_TYPE: Shape = integer().from(0).to(60);
static REVOKE_ASSOCIATED_SESSIONS_TYPE: Shape = one_of(&["NONE", "LINKED"]);
static REVOKE_TOKEN_REQUEST: Shape = structure(&[
    required("Token", &TOKEN_MODEL_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    optional("ClientSecret", &CLIENT_SECRET_TYPE),
    optional("RevokeAssociatedSessions", &REVOKE_ASSOCIATED_SESSIONS_TYPE),
]);
static REVOKE_USER_SESSION_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), required("SessionId", &SESSION_ID_TYPE),
    optional("RevokeAssociatedSessions", &REVOKE_ASSOCIATED_SESSIONS_TYPE),
]);
static RISK_EXCEPTION_CONFIGURATION_TYPE: Shape = structure(&[
    optional("BlockedIPRangeList", &BLOCKED_IP_RANGE_LIST_TYPE),
    optional("SkippedIPRangeList", &SKIPPED_IP_RANGE_LIST_TYPE),
]);
static ROUTING_TYPE: Shape = structure(&[optional("Failover", &FAILOVER_TYPE)]);
static S3_ARN_TYPE: Shape = text().from(3).to(1_024).matching(&S3_ARN_TYPE_PATTERN);
static S3_CONFIGURATION_TYPE: Shape = structure(&[optional("BucketArn", &S3_ARN_TYPE)]);
static SES_CONFIGURATION_SET: Shape = text().from(1).to(64).matching(&SES_CONFIGURATION_SET_PATTERN);
static SMS_MFA_SETTINGS_TYPE: Shape = structure(&[
    optional("Enabled", &BOOLEAN_TYPE), optional("PreferredMfa", &BOOLEAN_TYPE),
]);
static SSO_SESSION_MAX_VALIDITY_MINUTES_TYPE: Shape = integer().from(0).to(129_600);
static SCHEMA_ATTRIBUTE_TYPE: Shape = structure(&[
    optional("Name", &CUSTOM_ATTRIBUTE_NAME_TYPE), optional("AttributeDataType", &ATTRIBUTE_DATA_TYPE),
    optional("DeveloperOnlyAttribute", &BOOLEAN_TYPE), optional("Mutable", &BOOLEAN_TYPE),
    optional("Required", &BOOLEAN_TYPE),
    optional("NumberAttributeConstraints", &NUMBER_ATTRIBUTE_CONSTRAINTS_TYPE),
    optional("StringAttributeConstraints", &STRING_ATTRIBUTE_CONSTRAINTS_TYPE),
]);
static SCHEMA_ATTRIBUTES_LIST_TYPE: Shape = list(&SCHEMA_ATTRIBUTE_TYPE).from(1).to(50);
static SCOPE_LIST_TYPE: Shape = list(&SCOPE_TYPE).to(50);
static SCOPE_TYPE: Shape = text().from(1).to(256).matching(&ACR_VALUE_TYPE_PATTERN);
static SEARCH_PAGINATION_TOKEN_TYPE: Shape = text().from(1).matching(&CONFIRMATION_CODE_TYPE_PATTERN);
static SEARCHED_ATTRIBUTE_NAMES_LIST_TYPE: Shape = list(&ATTRIBUTE_NAME_TYPE);
static SECRET_HASH_TYPE: Shape = text().from(1).to(128).matching(&SECRET_HASH_TYPE_PATTERN).sensitive();
static SECURITY_POLICY_TYPE: Shape = one_of(&["TLS_V1", "TLS_V1_2_2021", "TLS_V1_3_2025"]);
static SESSION_ID_TYPE: Shape = text().from(28).to(28).matching(&SESSION_ID_TYPE_PATTERN);
static SESSION_TYPE: Shape = text().from(20).to(4_096).sensitive();
static SET_LOG_DELIVERY_CONFIGURATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("LogConfigurations", &LOG_CONFIGURATION_LIST_TYPE),
]);
static SET_RISK_CONFIGURATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("ClientId", &CLIENT_ID_TYPE),
    optional("CompromisedCredentialsRiskConfiguration", &COMPROMISED_CREDENTIALS_RISK_CONFIGURATION_TYPE),
    optional("AccountTakeoverRiskConfiguration", &ACCOUNT_TAKEOVER_RISK_CONFIGURATION_TYPE),
    optional("RiskExceptionConfiguration", &RISK_EXCEPTION_CONFIGURATION_TYPE),
]);
static SET_UI_CUSTOMIZATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("ClientId", &CLIENT_ID_TYPE),
    optional("CSS", &CSS_TYPE), optional("ImageFile", &IMAGE_FILE_TYPE),
]);
static SET_USER_MFA_PREFERENCE_REQUEST: Shape = structure(&[
    optional("SMSMfaSettings", &SMS_MFA_SETTINGS_TYPE),
    optional("SoftwareTokenMfaSettings", &SOFTWARE_TOKEN_MFA_SETTINGS_TYPE),
    optional("EmailMfaSettings", &EMAIL_MFA_SETTINGS_TYPE),
    optional("WebAuthnMfaSettings", &WEB_AUTHN_MFA_SETTINGS_TYPE), required("AccessToken", &TOKEN_MODEL_TYPE),
]);
static SET_USER_POOL_CLIENT_SESSION_CONFIGURATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    required("SSOSession", &CLIENT_SSO_SESSION_CONFIG_TYPE),
]);
static SET_USER_POOL_MFA_CONFIG_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("SmsMfaConfiguration", &SMS_MFA_CONFIG_TYPE),
    optional("SoftwareTokenMfaConfiguration", &SOFTWARE_TOKEN_MFA_CONFIG_TYPE),
    optional("EmailMfaConfiguration", &EMAIL_MFA_CONFIG_TYPE),
    optional("MfaConfiguration", &USER_POOL_MFA_TYPE),
    optional("WebAuthnConfiguration", &WEB_AUTHN_CONFIGURATION_TYPE),
]);
static SET_USER_POOL_SESSION_CONFIGURATION_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("UserSessionTracking", &USER_SESSION_TRACKING_TYPE),
    required("TokenSession", &USER_POOL_TOKEN_SESSION_CONFIG_TYPE),
]);
static SET_USER_SETTINGS_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), required("MFAOptions", &MFA_OPTION_LIST_TYPE),
]);
static SIGN_IN_POLICY_TYPE: Shape = structure(&[
    optional("AllowedFirstAuthFactors", &ALLOWED_FIRST_AUTH_FACTORS_LIST_TYPE),
]);
static SIGN_UP_REQUEST: Shape = structure(&[
    required("ClientId", &CLIENT_ID_TYPE), optional("SecretHash", &SECRET_HASH_TYPE),
    required("Username", &USERNAME_TYPE), optional("Password", &PASSWORD_TYPE),
    optional("UserAttributes", &ATTRIBUTE_LIST_TYPE), optional("ValidationData", &ATTRIBUTE_LIST_TYPE),
    optional("AnalyticsMetadata", &ANALYTICS_METADATA_TYPE),
    optional("UserContextData", &USER_CONTEXT_DATA_TYPE), optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static SKIPPED_IP_RANGE_LIST_TYPE: Shape = list(&STRING_TYPE).to(200);
static SMS_CONFIGURATION_TYPE: Shape = structure(&[
    optional("SnsCallerArn", &OPTIONAL_ARN_TYPE), optional("ExternalId", &STRING_TYPE),
    optional("SnsRegion", &REGION_CODE_TYPE), optional("EumsSms", &EUMS_SMS_CONFIGURATION_TYPE),
]);
static SMS_INVITE_MESSAGE_TYPE: Shape = text().from(6).to(140).matching(&SMS_INVITE_MESSAGE_TYPE_PATTERN);
static SMS_MFA_CONFIG_TYPE: Shape = structure(&[
    optional("SmsAuthenticationMessage", &SMS_VERIFICATION_MESSAGE_TYPE),
    optional("SmsConfiguration", &SMS_CONFIGURATION_TYPE),
]);
static SMS_VERIFICATION_MESSAGE_TYPE: Shape =
    text().from(6).to(140).matching(&SMS_VERIFICATION_MESSAGE_TYPE_PATTERN);
static SOFTWARE_TOKEN_MFA_USER_CODE_TYPE: Shape =
    text().from(6).to(6).matching(&SOFTWARE_TOKEN_MFA_USER_CODE_TYPE_PATTERN).sensitive();
static SOFTWARE_TOKEN_MFA_CONFIG_TYPE: Shape = structure(&[optional("Enabled", &BOOLEAN_TYPE)]);
static SOFTWARE_TOKEN_MFA_SETTINGS_TYPE: Shape = structure(&[
    optional("Enabled", &BOOLEAN_TYPE), optional("PreferredMfa", &BOOLEAN_TYPE),
]);
static START_USER_IMPORT_JOB_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("JobId", &USER_IMPORT_JOB_ID_TYPE),
]);
static START_WEB_AUTHN_REGISTRATION_REQUEST: Shape = structure(&[required("AccessToken", &TOKEN_MODEL_TYPE)]);
static STATUS_TYPE: Shape = one_of(&["Enabled", "Disabled"]);
static STOP_USER_IMPORT_JOB_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("JobId", &USER_IMPORT_JOB_ID_TYPE),
]);
static STRING_ATTRIBUTE_CONSTRAINTS_TYPE: Shape = structure(&[
    optional("MinLength", &STRING_TYPE), optional("MaxLength", &STRING_TYPE),
]);
static STRING_TO_STRING_MAP_TYPE: Shape = map(&STRING_TYPE, &STRING_TYPE);
static STRING_TYPE: Shape = text().from(0).to(131_072);
static SUPPORTED_IDENTITY_PROVIDERS_LIST_TYPE: Shape = list(&PROVIDER_NAME_TYPE);
static TAG_KEYS_TYPE: Shape = text().from(1).to(128);
static TAG_RESOURCE_REQUEST: Shape = structure(&[
    required("ResourceArn", &ARN_TYPE), required("Tags", &USER_POOL_TAGS_TYPE),
]);
static TAG_VALUE_TYPE: Shape = text().from(0).to(256);
static TEMPORARY_PASSWORD_VALIDITY_DAYS_TYPE: Shape = integer().from(0).to(365);
static TERMS_ENFORCEMENT_TYPE: Shape = one_of(&["NONE"]);
static TERMS_ID_TYPE: Shape = text().matching(&MANAGED_LOGIN_BRANDING_ID_TYPE_PATTERN);
static TERMS_NAME_TYPE: Shape = text().matching(&TERMS_NAME_TYPE_PATTERN);
static TERMS_SOURCE_TYPE: Shape = one_of(&["LINK"]);
static TIME_UNITS_TYPE: Shape = one_of(&["seconds", "minutes", "hours", "days"]);
static TOKEN_MODEL_TYPE: Shape = text().matching(&TOKEN_MODEL_TYPE_PATTERN).sensitive();
static TOKEN_TYPE_IDENTIFIER_TYPE: Shape = one_of(&["ACCESS_TOKEN", "ID_TOKEN", "SAML2"]);
static TOKEN_VALIDITY_UNITS_TYPE: Shape = structure(&[
    optional("AccessToken", &TIME_UNITS_TYPE), optional("IdToken", &TIME_UNITS_TYPE),
    optional("RefreshToken", &TIME_UNITS_TYPE),
]);
static UNTAG_RESOURCE_REQUEST: Shape = structure(&[
    required("ResourceArn", &ARN_TYPE), required("TagKeys", &USER_POOL_TAGS_LIST_TYPE),
]);
static UPDATE_AUTH_EVENT_FEEDBACK_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Username", &USERNAME_TYPE),
    required("EventId", &EVENT_ID_TYPE), required("FeedbackToken", &TOKEN_MODEL_TYPE),
    required("FeedbackValue", &FEEDBACK_VALUE_TYPE),
]);
static UPDATE_DEVICE_STATUS_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), required("DeviceKey", &DEVICE_KEY_TYPE),
    optional("DeviceRememberedStatus", &DEVICE_REMEMBERED_STATUS_TYPE),
]);
static UPDATE_GROUP_REQUEST: Shape = structure(&[
    required("GroupName", &GROUP_NAME_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    optional("Description", &DESCRIPTION_TYPE), optional("RoleArn", &ARN_TYPE),
    optional("Precedence", &PRECEDENCE_TYPE),
]);
static UPDATE_IDENTITY_PROVIDER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ProviderName", &PROVIDER_NAME_TYPE),
    optional("ProviderDetails", &PROVIDER_DETAILS_TYPE),
    optional("AttributeMapping", &ATTRIBUTE_MAPPING_TYPE),
    optional("IdpIdentifiers", &IDP_IDENTIFIERS_LIST_TYPE), optional("AcrMapping", &ACR_MAPPING_TYPE),
]);
static UPDATE_MANAGED_LOGIN_BRANDING_REQUEST: Shape = structure(&[
    optional("UserPoolId", &USER_POOL_ID_TYPE),
    optional("ManagedLoginBrandingId", &MANAGED_LOGIN_BRANDING_ID_TYPE),
    optional("UseCognitoProvidedValues", &BOOLEAN_TYPE), optional("Settings", &DOCUMENT),
    optional("Assets", &ASSET_LIST_TYPE),
]);
static UPDATE_PROVISIONED_LIMIT_REQUEST: Shape = structure(&[
    required("LimitDefinition", &LIMIT_DEFINITION_TYPE), required("RequestedLimitValue", &INTEGER_TYPE),
]);
static UPDATE_REPLICA_STATUS_TYPE: Shape = one_of(&["ACTIVE", "INACTIVE"]);
static UPDATE_RESOURCE_SERVER_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("Identifier", &RESOURCE_SERVER_IDENTIFIER_TYPE),
    required("Name", &RESOURCE_SERVER_NAME_TYPE), optional("Scopes", &RESOURCE_SERVER_SCOPE_LIST_TYPE),
]);
static UPDATE_TERMS_REQUEST: Shape = structure(&[
    required("TermsId", &TERMS_ID_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    optional("TermsName", &TERMS_NAME_TYPE), optional("TermsSource", &TERMS_SOURCE_TYPE),
    optional("Enforcement", &TERMS_ENFORCEMENT_TYPE), optional("Links", &LINKS_TYPE),
]);
static UPDATE_USER_ATTRIBUTES_REQUEST: Shape = structure(&[
    required("UserAttributes", &ATTRIBUTE_LIST_TYPE), required("AccessToken", &TOKEN_MODEL_TYPE),
    optional("ClientMetadata", &CLIENT_METADATA_TYPE),
]);
static UPDATE_USER_POOL_CLIENT_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("ClientId", &CLIENT_ID_TYPE),
    optional("ClientName", &CLIENT_NAME_TYPE), optional("RefreshTokenValidity", &REFRESH_TOKEN_VALIDITY_TYPE),
    optional("AccessTokenValidity", &ACCESS_TOKEN_VALIDITY_TYPE),
    optional("IdTokenValidity", &ID_TOKEN_VALIDITY_TYPE),
    optional("TokenValidityUnits", &TOKEN_VALIDITY_UNITS_TYPE),
    optional("ReadAttributes", &CLIENT_PERMISSION_LIST_TYPE),
    optional("WriteAttributes", &CLIENT_PERMISSION_LIST_TYPE),
    optional("ExplicitAuthFlows", &EXPLICIT_AUTH_FLOWS_LIST_TYPE),
    optional("SupportedIdentityProviders", &SUPPORTED_IDENTITY_PROVIDERS_LIST_TYPE),
    optional("CallbackURLs", &CALLBACK_UR_LS_LIST_TYPE), optional("LogoutURLs", &LOGOUT_UR_LS_LIST_TYPE),
    optional("DefaultRedirectURI", &REDIRECT_URL_TYPE), optional("AllowedOAuthFlows", &O_AUTH_FLOWS_TYPE),
    optional("AllowedOAuthScopes", &SCOPE_LIST_TYPE),
    optional("AllowedOAuthFlowsUserPoolClient", &BOOLEAN_TYPE),
    optional("AnalyticsConfiguration", &ANALYTICS_CONFIGURATION_TYPE),
    optional("PreventUserExistenceErrors", &PREVENT_USER_EXISTENCE_ERROR_TYPES),
    optional("EnableTokenRevocation", &WRAPPED_BOOLEAN_TYPE),
    optional("EnablePropagateAdditionalUserContextData", &WRAPPED_BOOLEAN_TYPE),
    optional("AuthSessionValidity", &AUTH_SESSION_VALIDITY_TYPE),
    optional("RefreshTokenRotation", &REFRESH_TOKEN_ROTATION_TYPE),
]);
static UPDATE_USER_POOL_DOMAIN_REQUEST: Shape = structure(&[
    required("Domain", &DOMAIN_TYPE), required("UserPoolId", &USER_POOL_ID_TYPE),
    optional("ManagedLoginVersion", &WRAPPED_INTEGER_TYPE),
    optional("CustomDomainConfig", &CUSTOM_DOMAIN_CONFIG_TYPE), optional("Routing", &ROUTING_TYPE),
]);
static UPDATE_USER_POOL_REPLICA_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), required("RegionName", &REGION_NAME_TYPE),
    required("Status", &UPDATE_REPLICA_STATUS_TYPE),
]);
static UPDATE_USER_POOL_REQUEST: Shape = structure(&[
    required("UserPoolId", &USER_POOL_ID_TYPE), optional("Policies", &USER_POOL_POLICY_TYPE),
    optional("DeletionProtection", &DELETION_PROTECTION_TYPE), optional("LambdaConfig", &LAMBDA_CONFIG_TYPE),
    optional("AutoVerifiedAttributes", &VERIFIED_ATTRIBUTES_LIST_TYPE),
    optional("SmsVerificationMessage", &SMS_VERIFICATION_MESSAGE_TYPE),
    optional("EmailVerificationMessage", &EMAIL_VERIFICATION_MESSAGE_TYPE),
    optional("EmailVerificationSubject", &EMAIL_VERIFICATION_SUBJECT_TYPE),
    optional("VerificationMessageTemplate", &VERIFICATION_MESSAGE_TEMPLATE_TYPE),
    optional("SmsAuthenticationMessage", &SMS_VERIFICATION_MESSAGE_TYPE),
    optional("UserAttributeUpdateSettings", &USER_ATTRIBUTE_UPDATE_SETTINGS_TYPE),
    optional("MfaConfiguration", &USER_POOL_MFA_TYPE),
    optional("DeviceConfiguration", &DEVICE_CONFIGURATION_TYPE),
    optional("EmailConfiguration", &EMAIL_CONFIGURATION_TYPE),
    optional("SmsConfiguration", &SMS_CONFIGURATION_TYPE), optional("UserPoolTags", &USER_POOL_TAGS_TYPE),
    optional("AdminCreateUserConfig", &ADMIN_CREATE_USER_CONFIG_TYPE),
    optional("UserPoolAddOns", &USER_POOL_ADD_ONS_TYPE),
    optional("DcrConfiguration", &DCR_CONFIGURATION_TYPE),
    optional("AccountRecoverySetting", &ACCOUNT_RECOVERY_SETTING_TYPE),
    optional("PoolName", &USER_POOL_NAME_TYPE), optional("UserPoolTier", &USER_POOL_TIER_TYPE),
    optional("KeyConfiguration", &KEY_CONFIGURATION_TYPE),
    optional("IssuerConfiguration", &ISSUER_CONFIGURATION_TYPE),
    optional("AcrConfiguration", &ACR_CONFIGURATION_TYPE),
]);
static USER_ATTRIBUTE_UPDATE_SETTINGS_TYPE: Shape = structure(&[
    optional("AttributesRequireVerificationBeforeUpdate", &ATTRIBUTES_REQUIRE_VERIFICATION_BEFORE_UPDATE_TYPE),
]);
static USER_CONTEXT_DATA_TYPE: Shape = structure(&[
    optional("IpAddress", &STRING_TYPE), optional("EncodedData", &STRING_TYPE),
]).sensitive();
static USER_FILTER_TYPE: Shape = text().to(256);
static USER_IMPORT_JOB_ID_TYPE: Shape = text().from(1).to(55).matching(&USER_IMPORT_JOB_ID_TYPE_PATTERN);
static USER_IMPORT_JOB_NAME_TYPE: Shape = text().from(1).to(128).matching(&CLIENT_NAME_TYPE_PATTERN);
static USER_POOL_ADD_ONS_TYPE: Shape = structure(&[
    required("AdvancedSecurityMode", &ADVANCED_SECURITY_MODE_TYPE),
    optional("AdvancedSecurityAdditionalFlows", &ADVANCED_SECURITY_ADDITIONAL_FLOWS_TYPE),
]);
static USER_POOL_ID_TYPE: Shape = text().from(1).to(55).matching(&USER_POOL_ID_TYPE_PATTERN);
static USER_POOL_MFA_TYPE: Shape = one_of(&["OFF", "ON", "OPTIONAL"]);
static USER_POOL_NAME_TYPE: Shape = text().from(1).to(128).matching(&CLIENT_NAME_TYPE_PATTERN);
static USER_POOL_POLICY_TYPE: Shape = structure(&[
    optional("PasswordPolicy", &PASSWORD_POLICY_TYPE), optional("SignInPolicy", &SIGN_IN_POLICY_TYPE),
]);
static USER_POOL_TAGS_LIST_TYPE: Shape = list(&TAG_KEYS_TYPE);
static USER_POOL_TAGS_TYPE: Shape = map(&TAG_KEYS_TYPE, &TAG_VALUE_TYPE);
static USER_POOL_TIER_TYPE: Shape = one_of(&["LITE", "ESSENTIALS", "PLUS"]);
static USER_POOL_TOKEN_SESSION_CONFIG_TYPE: Shape = structure(&[
    required("MaxPerUser", &MAX_SESSIONS_PER_USER_TYPE),
]);
static USER_SESSION_TRACKING_TYPE: Shape = one_of(&["ENABLED", "DISABLED"]);
static USER_VERIFICATION_TYPE: Shape = one_of(&["required", "preferred"]);
static USERNAME_ATTRIBUTE_TYPE: Shape = one_of(&["phone_number", "email"]);
static USERNAME_ATTRIBUTES_LIST_TYPE: Shape = list(&USERNAME_ATTRIBUTE_TYPE);
static USERNAME_CONFIGURATION_TYPE: Shape = structure(&[required("CaseSensitive", &WRAPPED_BOOLEAN_TYPE)]);
static USERNAME_TYPE: Shape =
    text().from(1).to(128).matching(&CUSTOM_ATTRIBUTE_NAME_TYPE_PATTERN).sensitive();
static VERIFICATION_MESSAGE_TEMPLATE_TYPE: Shape = structure(&[
    optional("SmsMessage", &SMS_VERIFICATION_MESSAGE_TYPE),
    optional("EmailMessage", &EMAIL_VERIFICATION_MESSAGE_TYPE),
    optional("EmailSubject", &EMAIL_VERIFICATION_SUBJECT_TYPE),
    optional("EmailMessageByLink", &EMAIL_VERIFICATION_MESSAGE_BY_LINK_TYPE),
    optional("EmailSubjectByLink", &EMAIL_VERIFICATION_SUBJECT_BY_LINK_TYPE),
    optional("DefaultEmailOption", &DEFAULT_EMAIL_OPTION_TYPE),
]);
static VERIFIED_ATTRIBUTE_TYPE: Shape = one_of(&["phone_number", "email"]);
static VERIFIED_ATTRIBUTES_LIST_TYPE: Shape = list(&VERIFIED_ATTRIBUTE_TYPE);
static VERIFY_SOFTWARE_TOKEN_REQUEST: Shape = structure(&[
    optional("AccessToken", &TOKEN_MODEL_TYPE), optional("Session", &SESSION_TYPE),
    required("UserCode", &SOFTWARE_TOKEN_MFA_USER_CODE_TYPE), optional("FriendlyDeviceName", &STRING_TYPE),
]);
static VERIFY_USER_ATTRIBUTE_REQUEST: Shape = structure(&[
    required("AccessToken", &TOKEN_MODEL_TYPE), required("AttributeName", &ATTRIBUTE_NAME_TYPE),
    required("Code", &CONFIRMATION_CODE_TYPE),
]);
static WEB_AUTHN_CONFIGURATION_TYPE: Shape = structure(&[
    optional("RelyingPartyId", &RELYING_PARTY_ID_TYPE), optional("UserVerification", &USER_VERIFICATION_TYPE),
    optional("FactorConfiguration", &WEB_AUTHN_FACTOR_CONFIGURATION_TYPE),
]);
static WEB_AUTHN_CREDENTIALS_QUERY_LIMIT_TYPE: Shape = integer().from(0).to(20);
static WEB_AUTHN_FACTOR_CONFIGURATION_TYPE: Shape = one_of(&[
    "SINGLE_FACTOR", "MULTI_FACTOR_WITH_USER_VERIFICATION",
]);
static WEB_AUTHN_MFA_SETTINGS_TYPE: Shape = structure(&[optional("Enabled", &BOOLEAN_TYPE)]);
static WRAPPED_BOOLEAN_TYPE: Shape = boolean();
static WRAPPED_INTEGER_TYPE: Shape = integer();
