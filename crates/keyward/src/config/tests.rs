use std::collections::BTreeSet;
use std::os::unix::ffi::OsStringExt as _;

use tempfile::TempDir;

use super::*;

/// What a person gives: flags, environment, and a file in the working folder.
#[derive(Default)]
struct Given<'a> {
    flags: &'a [&'a str],
    variables: &'a [(&'a str, &'a str)],
    file: Option<&'a str>,
    rawscribe: Option<&'a str>,
}

impl Given<'_> {
    fn resolve(&self) -> Result<Config, Complaint> {
        let folder = TempDir::new().unwrap();
        if let Some(text) = self.file {
            fs::write(folder.path().join("keyward.toml"), text).unwrap();
        }
        if let Some(text) = self.rawscribe {
            write_rawscribe(folder.path(), text);
        }
        let variables = self.variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::resolve(&arguments(self.flags), &variables.collect(), folder.path())
    }
}

/// RawScribe's file, where it usually stands.
fn write_rawscribe(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join(rawscribe::DEFAULT_FILE);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn arguments(flags: &[&str]) -> ServeArguments {
    let command = ServeArguments::augment_args(Command::new("serve"));
    let matches = command.try_get_matches_from([&["serve"], flags].concat()).unwrap();
    ServeArguments::from_arg_matches(&matches).unwrap()
}

fn with_flags(flags: &[&str]) -> Result<Config, Complaint> {
    Given { flags, ..Given::default() }.resolve()
}

fn with_variable(name: &str, value: &str) -> Result<Config, Complaint> {
    Given { variables: &[(name, value)], ..Given::default() }.resolve()
}

fn with_file(text: &str) -> Result<Config, Complaint> {
    Given { file: Some(text), ..Given::default() }.resolve()
}

fn row(config: &Config, setting: &str) -> (Option<String>, String) {
    let row = config.describe().iter().find(|row| row.setting == setting).unwrap();
    let source = row.source.to_string();
    (row.value.clone(), if source.starts_with("file ") { "file".to_owned() } else { source })
}

/// The complaint in one text, without the temporary folder in it.
fn complaint(result: Result<Config, Complaint>) -> String {
    let complaint = result.unwrap_err();
    assert_eq!(complaint.exit_code, 2);
    let hint = complaint.hint.expect("every wrong setting comes with a hint");
    format!("{} | {hint}", complaint.sentence)
}

#[test]
fn without_anything_given_the_defaults_hold() {
    let config = Given::default().resolve().unwrap();

    assert_eq!(config.listen, "127.0.0.1:8480".parse().unwrap());
    assert_eq!(config.database, Database::Sqlite("./data/keyward.db".into()));
    assert_eq!(config.public_url(), "http://localhost:8480");
    assert_eq!(config.issuer(), "http://localhost:8480/{pool}");
    assert_eq!(config.environment, Environment::Dev);
    assert_eq!((config.region.as_str(), config.api_key_prefix.as_str()), ("us-east-1", "vams"));
    assert_eq!((config.revocation_bound_ms, config.failed_sign_ins_per_minute), (1000, 20));
    assert_eq!(config.password_hashing, PasswordHashing { memory_kib: 19456, iterations: 2, parallelism: 1 });
    assert_eq!(
        config.password_policy,
        PasswordPolicy {
            minimum_length: 8,
            require_uppercase: true,
            require_lowercase: true,
            require_digit: true,
            require_symbol: true,
            refuse_common: None,
            temporary_password_days: 7,
        }
    );
    assert!(config.describe().iter().all(|row| row.source == Source::Default));
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let flags = ["--region", "eu-west-1"];
    let variables = [("KEYWARD_REGION", "eu-west-2"), ("KEYWARD_API_KEY_PREFIX", "lab")];
    let file = "region = 'eu-west-3'\napi_key_prefix = 'file'\nlog_format = 'json'\n";

    let config = Given { flags: &flags, variables: &variables, file: Some(file), ..Given::default() }
        .resolve()
        .unwrap();

    assert_eq!(row(&config, "region"), (Some("eu-west-1".into()), "flag --region".into()));
    assert_eq!(
        row(&config, "api_key_prefix"),
        (Some("lab".into()), "environment KEYWARD_API_KEY_PREFIX".into())
    );
    assert_eq!(row(&config, "log_format"), (Some("json".into()), "file".into()));
    assert_eq!(row(&config, "log_level"), (Some("info".into()), "default".into()));
    assert_eq!((config.region.as_str(), config.api_key_prefix.as_str()), ("eu-west-1", "lab"));
}

#[test]
fn the_file_is_named_in_describe() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("other.toml");
    fs::write(
        &path,
        "listen = 9000\ntrusted_proxies = ['10.0.0.0/8', 'fd00::/8']\npassword_require_symbol = false",
    )
    .unwrap();

    let config = Config::resolve(
        &arguments(&["--config", path.to_str().unwrap()]),
        &BTreeMap::new(),
        Path::new("none"),
    )
    .unwrap();

    assert_eq!(config.listen, "127.0.0.1:9000".parse().unwrap());
    assert_eq!(config.trusted_proxies, ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    assert!(!config.password_policy.require_symbol);
    let listen = config.describe().iter().find(|row| row.setting == "listen").unwrap();
    assert_eq!(listen.source, Source::File(path));
}

#[test]
fn the_environment_may_name_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("other.toml");
    fs::write(&path, "region = 'eu-west-3'").unwrap();
    let variables = BTreeMap::from([("KEYWARD_CONFIG".to_owned(), path.to_str().unwrap().to_owned())]);

    let config = Config::resolve(&arguments(&[]), &variables, Path::new("none")).unwrap();

    assert_eq!(config.region, "eu-west-3");
}

#[test]
fn a_named_file_must_be_there() {
    assert_eq!(
        complaint(with_flags(&["--config", "/nowhere/keyward.toml"])),
        "The file of settings /nowhere/keyward.toml isn't there. | Check the path behind --config or KEYWARD_CONFIG."
    );
}

#[test]
fn every_setting_is_read_from_its_flag_its_variable_and_the_file() {
    // A value for each that is right and not the default.
    let values = [
        ("listen", "127.0.0.1:9000"),
        ("database", "sqlite:other.db"),
        ("data_dir", "elsewhere"),
        ("public_url", "https://keyward.example.com"),
        ("trusted_proxies", "10.0.0.0/8"),
        ("behind_proxy", "true"),
        ("environment", "prod"),
        ("dev", "true"),
        ("test_users", "false"),
        ("region", "eu-west-1"),
        ("provider", "jwt"),
        ("cognito_user_pool_id", "eu-west-1_k3Y9wRd0A"),
        ("cognito_client_id", "1ue2h7glihso8gpq4pm4s0rs42"),
        ("cognito_region", "eu-west-1"),
        ("cognito_endpoint", "http://localhost:5000"),
        ("cognito_groups", "ADMINS,NIGHT SHIFT"),
        ("directory_bound", "500ms"),
        ("oidc_groups_claim", "roles"),
        ("api_key_prefix", "lab"),
        ("issuer", "https://example.com/{pool}"),
        ("admin_email", "admin@example.com"),
        ("master_key_file", "key"),
        ("revocation_bound_ms", "5"),
        ("hashing_memory_kib", "8192"),
        ("hashing_iterations", "3"),
        ("hashing_parallelism", "2"),
        ("password_minimum_length", "12"),
        ("password_require_uppercase", "false"),
        ("password_require_lowercase", "false"),
        ("password_require_digit", "false"),
        ("password_require_symbol", "false"),
        ("password_refuse_common", "true"),
        ("temporary_password_days", "1"),
        ("failed_sign_ins_per_minute", "0"),
        ("sms_command", "send --now"),
        ("sms_webhook", "https://sms.example.com/"),
        ("log_format", "json"),
        ("log_level", "debug"),
    ];
    for (name, value) in values {
        let setting = SETTINGS.iter().find(|setting| setting.name == name).unwrap();
        let flag = format!("{}={value}", setting.flag());
        let expected = |source: &str| (Some(value.to_owned()), source.to_owned());

        let by_flag = with_flags(&[&flag]).unwrap();
        assert_eq!(row(&by_flag, name), expected(&format!("flag {}", setting.flag())));
        let by_variable = with_variable(setting.variable, value).unwrap();
        assert_eq!(row(&by_variable, name), expected(&format!("environment {}", setting.variable)));
        assert_eq!(row(&with_file(&format!("{name} = '{value}'")).unwrap(), name), expected("file"));
    }

    let tested = values.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>();
    let others = SETTINGS.iter().map(|setting| setting.name).filter(|name| !tested.contains(name));
    // The two of TLS go together, so do the three of mail and those of another issuer, the secrets come from the
    // environment alone, and a file that is named must be there: tests of their own.
    let expected = ["tls_cert", "tls_key", "test_users_file", "rawscribe_config"];
    let expected = [&expected[..], &["oidc_issuer", "oidc_audience", "oidc_roles"]].concat();
    let expected = [&expected[..], &["admin_password", "master_key"]].concat();
    let expected = [&expected[..], &["smtp_url", "smtp_password_file", "mail_from"]].concat();
    assert_eq!(others.collect::<Vec<_>>(), expected);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let variables = [
        ("KEYWARD_REGION", ""),
        ("KEYWARD_LOG_LEVEL", "debug"),
        ("HOME", "/root"),
        ("COGNITO_REGION", ""),
        ("COGNITO_CLIENT_ID", "client"),
    ];
    let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));

    let variables = keyward_variables(variables.into_iter()).unwrap();

    let expected = [("COGNITO_CLIENT_ID", "client"), ("KEYWARD_LOG_LEVEL", "debug")];
    assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(environment("A_NAME_THAT_NOBODY_SETS"), None);
}

#[test]
fn a_variable_that_is_no_text_stops_the_start() {
    let variable = (OsString::from("KEYWARD_ADMIN_PASSWORD"), OsString::from_vec(vec![0x70, 0xff]));

    let complaint = keyward_variables([variable].into_iter()).unwrap_err();

    assert_eq!(complaint.sentence, "The environment variable KEYWARD_ADMIN_PASSWORD isn't text.");
}

#[test]
fn a_switch_needs_no_value_behind_its_flag() {
    assert!(with_flags(&["--behind-proxy"]).unwrap().behind_proxy);
    assert!(!with_flags(&["--behind-proxy=false"]).unwrap().behind_proxy);
    assert!(!with_flags(&["--password-require-digit=no"]).unwrap().password_policy.require_digit);
    assert!(with_variable("KEYWARD_BEHIND_PROXY", "1").unwrap().behind_proxy);
}

#[test]
fn an_address_may_be_written_in_several_ways() {
    let listen = |text: &str| with_flags(&["--listen", text]).unwrap().listen.to_string();

    assert_eq!(listen("9000"), "127.0.0.1:9000");
    assert_eq!(listen(":9000"), "127.0.0.1:9000");
    assert_eq!(listen("localhost:9000"), "127.0.0.1:9000");
    assert_eq!(listen("[::1]:9000"), "[::1]:9000");
    assert_eq!(listen(" 127.0.0.2:9000 "), "127.0.0.2:9000");
}

#[test]
fn plain_http_beyond_this_machine_is_refused() {
    assert_eq!(
        complaint(with_flags(&["--listen", "0.0.0.0:8480"])),
        "Listening on 0.0.0.0:8480 would send passwords and keys over the network in clear. | \
         Give --tls-cert and --tls-key, or --behind-proxy if a proxy in front does the TLS."
    );
    assert!(with_flags(&["--listen", "[::]:8480"]).is_err());
    assert!(with_flags(&["--listen", "192.0.2.1:8480"]).is_err());

    assert!(with_flags(&["--listen", "0.0.0.0:8480", "--behind-proxy"]).is_ok());
    assert!(with_flags(&["--listen", "0.0.0.0:8480", "--tls-cert", "c", "--tls-key", "k"]).is_ok());
    assert!(with_flags(&["--listen", "[::ffff:127.0.0.1]:8480"]).is_ok());
}

#[test]
fn the_public_url_follows_port_and_tls() {
    let mut config = with_flags(&["--listen", "0", "--tls-cert", "c", "--tls-key", "k"]).unwrap();
    config.listen.set_port(9443);

    assert_eq!(config.public_url(), "https://localhost:9443");
    assert_eq!(config.issuer(), "https://localhost:9443/{pool}");
    let given = with_flags(&["--public-url", "https://keyward.example.com/base/"]).unwrap();
    assert_eq!(given.public_url(), "https://keyward.example.com/base");
}

#[test]
fn the_issuer_may_be_set() {
    let issuer = "https://cognito-idp.us-east-1.amazonaws.com/{pool}";
    let config = with_flags(&["--issuer", issuer]).unwrap();

    assert_eq!(config.issuer(), issuer);
    assert_eq!(row(&config, "issuer").0.unwrap(), issuer);
}

#[test]
fn a_database_is_a_file_for_now() {
    let database = |text: &str| with_flags(&["--database", text]).map(|config| config.database);

    assert_eq!(database("sqlite:a.db"), Ok(Database::Sqlite("a.db".into())));
    assert_eq!(database("sqlite:///srv/a.db"), Ok(Database::Sqlite("/srv/a.db".into())));
    let flags = ["--data-dir", "/srv/keyward"];
    assert_eq!(with_flags(&flags).unwrap().database, Database::Sqlite("/srv/keyward/keyward.db".into()));
    assert_eq!(
        complaint(with_flags(&["--database", "postgres://keyward:hunter2@db/keyward"])),
        "The setting database (flag --database) must be a SQLite file, since PostgreSQL opens with a later \
         release. | Leave it out to use keyward.db in the data folder, or give sqlite:FILE."
    );
    assert!(database("sqlite::memory:").is_err());
    assert!(
        !complaint(with_flags(&["--database", "mysql://keyward:hunter2@db/keyward"])).contains("hunter2")
    );
}

#[test]
fn wrong_values_are_told_with_what_they_must_be() {
    let wrong = [
        ("KEYWARD_LISTEN", "nowhere:8480"),
        ("KEYWARD_LISTEN", "127.0.0.1"),
        ("KEYWARD_LISTEN", "127.0.0.1:99999"),
        ("KEYWARD_PUBLIC_URL", "keyward.example.com"),
        ("KEYWARD_PUBLIC_URL", "https://user:password@example.com"),
        ("KEYWARD_PUBLIC_URL", "https://example.com/?a=b"),
        ("KEYWARD_PUBLIC_URL", "ftp://example.com"),
        ("KEYWARD_TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("KEYWARD_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("KEYWARD_BEHIND_PROXY", "maybe"),
        ("KEYWARD_ENV", "production"),
        ("KEYWARD_TEST_USERS", "some"),
        ("KEYWARD_REGION", "US East"),
        ("KEYWARD_PROVIDER", "amazon"),
        ("KEYWARD_COGNITO_USER_POOL_ID", "pool"),
        ("COGNITO_CLIENT_ID", "a client"),
        ("COGNITO_REGION", "US East"),
        ("KEYWARD_COGNITO_ENDPOINT", "localhost:5000"),
        ("KEYWARD_DIRECTORY_BOUND", "an hour"),
        ("KEYWARD_DIRECTORY_BOUND", "11m"),
        ("KEYWARD_API_KEY_PREFIX", "v"),
        ("KEYWARD_API_KEY_PREFIX", "vams_"),
        ("KEYWARD_ISSUER", "pool"),
        ("KEYWARD_ADMIN_EMAIL", "admin"),
        ("KEYWARD_ADMIN_EMAIL", "admin@a b"),
        ("KEYWARD_REVOCATION_BOUND_MS", "60001"),
        ("KEYWARD_REVOCATION_BOUND_MS", "-1"),
        ("KEYWARD_HASHING_MEMORY_KIB", "1024"),
        ("KEYWARD_HASHING_ITERATIONS", "0"),
        ("KEYWARD_HASHING_PARALLELISM", "65"),
        ("KEYWARD_PASSWORD_MINIMUM_LENGTH", "5"),
        ("KEYWARD_PASSWORD_REQUIRE_DIGIT", "2"),
        ("KEYWARD_PASSWORD_REFUSE_COMMON", "yes, please"),
        ("KEYWARD_TEMPORARY_PASSWORD_DAYS", "366"),
        ("KEYWARD_FAILED_SIGN_INS_PER_MINUTE", "6001"),
        ("KEYWARD_LOG_FORMAT", "xml"),
        ("KEYWARD_LOG_LEVEL", "loud"),
    ];

    let complaints = wrong.map(|(name, value)| {
        let sentence = complaint(with_variable(name, value));
        let sentence = sentence.split(" | ").next().unwrap();
        sentence.replace(&format!(" (environment {name})"), "").replace("The setting ", "")
    });

    insta::assert_snapshot!(complaints.join("\n"), @r#"
    listen must be an IP address and a port, not "nowhere:8480".
    listen must be an IP address and a port, not "127.0.0.1".
    listen must be an IP address and a port, not "127.0.0.1:99999".
    public_url must be an http or https URL without user, query or fragment, not "keyward.example.com".
    public_url must be an http or https URL without user, query or fragment.
    public_url must be an http or https URL without user, query or fragment.
    public_url must be an http or https URL without user, query or fragment.
    trusted_proxies must be a list of networks in CIDR notation, not "10.0.0.0/8,proxy".
    trusted_proxies must be a list of networks in CIDR notation, not "0.0.0.0/0".
    behind_proxy must be true or false, not "maybe".
    environment must be dev, test, stage or prod, not "production".
    test_users must be true or false, not "some".
    region must be 1 to 32 of a-z, 0-9 and -, not "US East".
    provider must be local, cognito or jwt, not "amazon".
    cognito_user_pool_id must be the id of a pool, not "pool".
    cognito_client_id must be the id of an app client, not "a client".
    cognito_region must be 1 to 32 of a-z, 0-9 and -, not "US East".
    cognito_endpoint must be an http or https URL without user, query or fragment, not "localhost:5000".
    directory_bound must be a time of at most 10 minutes, not "an hour".
    directory_bound must be a time of at most 10 minutes, not "11m".
    api_key_prefix must be 2 to 16 of a-z and 0-9, not "v".
    api_key_prefix must be 2 to 16 of a-z and 0-9, not "vams_".
    issuer must be an http or https URL without user, query or fragment, not "pool".
    admin_email must be an email address, not "admin".
    admin_email must be an email address, not "admin@a b".
    revocation_bound_ms must be a whole number from 0 to 60000, not "60001".
    revocation_bound_ms must be a whole number from 0 to 60000, not "-1".
    hashing_memory_kib must be a whole number from 7168 to 4194304, not "1024".
    hashing_iterations must be a whole number from 1 to 100, not "0".
    hashing_parallelism must be a whole number from 1 to 64, not "65".
    password_minimum_length must be a whole number from 6 to 99, not "5".
    password_require_digit must be true or false, not "2".
    password_refuse_common must be true or false, not "yes, please".
    temporary_password_days must be a whole number from 1 to 365, not "366".
    failed_sign_ins_per_minute must be a whole number from 0 to 6000, not "6001".
    log_format must be text or json, not "xml".
    log_level must be error, warn, info, debug, trace or off, not "loud".
    "#);
}

#[test]
fn weak_hashing_is_for_tests_alone() {
    let weak = [("KEYWARD_HASHING_MEMORY_KIB", "64"), ("KEYWARD_ENV", "test")];

    assert_eq!(
        Given { variables: &weak, ..Given::default() }.resolve().unwrap().password_hashing.memory_kib,
        64
    );
    assert!(with_variable("KEYWARD_HASHING_MEMORY_KIB", "64").is_err());
}

#[test]
fn an_unknown_variable_stops_the_start() {
    assert_eq!(
        complaint(with_variable("KEYWARD_LISTENS", "8480")),
        "The environment variable KEYWARD_LISTENS is unknown. | Did you mean KEYWARD_LISTEN?"
    );
    assert_eq!(
        complaint(with_variable("KEYWARD_FROBNICATE", "8480")),
        "The environment variable KEYWARD_FROBNICATE is unknown. | `keyward config show` lists every setting."
    );
}

#[test]
fn the_variables_of_the_command_line_and_of_kubernetes_are_known() {
    for name in CLIENT_VARIABLES {
        assert!(with_variable(name, "x").is_ok(), "{name}");
    }
    for (name, value) in [
        ("KEYWARD_SERVICE_HOST", "10.0.0.1"),
        ("KEYWARD_SERVICE_PORT", "8480"),
        ("KEYWARD_SERVICE_PORT_HTTP", "8480"),
        ("KEYWARD_PORT", "tcp://10.0.0.1:8480"),
        ("KEYWARD_PORT_8480_TCP", "tcp://10.0.0.1:8480"),
        ("KEYWARD_PORT_8480_TCP_ADDR", "10.0.0.1"),
        ("KEYWARD_CANARY_SERVICE_HOST", "10.0.0.1"),
    ] {
        assert!(with_variable(name, value).is_ok(), "{name}");
    }
    assert!(with_variable("KEYWARD_PORT", "8480").is_err());
}

#[test]
fn an_unknown_key_in_the_file_stops_the_start() {
    let complaint = complaint(with_file("lissen = 8480"));

    assert!(
        complaint.contains("keyward.toml has an unknown setting `lissen`. | Did you mean listen?"),
        "{complaint}"
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let complaint = complaint(with_file("region = 'eu-west-1'\nlisten = = 3\n"));

    assert!(complaint.contains("keyward.toml isn't TOML at line 2: "), "{complaint}");
}

#[test]
fn a_value_of_a_kind_that_no_setting_has_is_refused() {
    for text in ["listen = 1.5", "listen = 2027-01-01", "[listen]\nport = 8480", "trusted_proxies = [1]"] {
        assert!(complaint(with_file(text)).contains("which it can't be. | Write a text"), "{text}");
    }
}

#[test]
fn a_secret_in_the_file_is_refused() {
    let complaint = complaint(with_file("admin_password = 'Hunter2-Hunter2'"));

    assert!(complaint.contains("Take it out and give it as KEYWARD_ADMIN_PASSWORD in the environment."));
    assert!(!complaint.contains("Hunter2"));
}

#[test]
fn secrets_have_no_flag_and_are_masked() {
    let key = "0a".repeat(32);
    let variables = [
        ("KEYWARD_ADMIN_EMAIL", "admin@example.com"),
        ("KEYWARD_ADMIN_PASSWORD", " Hunter2 Hunter2 "),
        ("KEYWARD_MASTER_KEY", key.as_str()),
    ];

    let config = Given { variables: &variables, ..Given::default() }.resolve().unwrap();

    assert_eq!(config.admin_password.as_ref().unwrap().expose(), " Hunter2 Hunter2 ");
    assert_eq!(
        row(&config, "admin_password"),
        (Some(MASK.into()), "environment KEYWARD_ADMIN_PASSWORD".into())
    );
    assert_eq!(row(&config, "master_key").0.unwrap(), MASK);
    let shown = format!("{config:?}");
    assert!(!shown.contains("Hunter2") && !shown.contains(&key), "{shown}");
    let command = ServeArguments::augment_args(Command::new("serve"));
    assert!(command.try_get_matches_from(["serve", "--admin-password", "x"]).is_err());
}

#[test]
fn a_wrong_secret_is_not_repeated() {
    let complaint = complaint(with_variable("KEYWARD_MASTER_KEY", "0badcafe"));

    assert_eq!(
        complaint,
        "The setting master_key (environment KEYWARD_MASTER_KEY) must be 64 hexadecimal digits. | \
         Make one with: openssl rand -hex 32"
    );
}

#[test]
fn halves_and_doubles_are_refused() {
    let key = "0a".repeat(32);
    let both = [("KEYWARD_MASTER_KEY", key.as_str()), ("KEYWARD_MASTER_KEY_FILE", "key")];

    assert!(
        complaint(with_flags(&["--tls-cert", "c"]))
            .starts_with("The setting tls_cert is of no use without tls_key.")
    );
    assert!(
        complaint(with_flags(&["--tls-key", "k"]))
            .starts_with("The setting tls_key is of no use without tls_cert.")
    );
    assert!(
        complaint(Given { variables: &both, ..Given::default() }.resolve())
            .starts_with("Both KEYWARD_MASTER_KEY")
    );
    assert!(
        complaint(with_variable("KEYWARD_ADMIN_PASSWORD", "Hunter2-Hunter2"))
            .starts_with("KEYWARD_ADMIN_PASSWORD is set, but nobody to give it to.")
    );
}

#[test]
fn everybody_is_let_in_on_the_developers_own_machine_alone() {
    assert!(!Given::default().resolve().unwrap().dev);
    for flags in [["--dev", "--listen=[::1]:8480"], ["--dev=true", "--environment=test"]] {
        assert!(with_flags(&flags).unwrap().dev);
    }
    assert!(with_variable("KEYWARD_DEV", "true").unwrap().dev);

    let refused = |flags: &[&str]| complaint(with_flags(&[&["--dev"], flags].concat()));
    insta::assert_snapshot!(refused(&["--environment", "prod"]), @"With `dev`, whoever reaches Keyward may do everything, and this deployment is for prod. | Leave `dev` out, and sign with what `keyward access-key create USER` gives.");
    insta::assert_snapshot!(refused(&["--listen", "0.0.0.0:8480"]), @"With `dev`, whoever reaches Keyward may do everything, and 0.0.0.0:8480 is reached from beyond this machine. | Listen on this machine only, as in: keyward serve --dev --listen 127.0.0.1:8480");
    insta::assert_snapshot!(refused(&["--behind-proxy"]), @"With `dev`, whoever reaches Keyward may do everything, and a proxy brings others here. | Leave out `behind_proxy` and `trusted_proxies`, or `dev`.");
    assert_eq!(refused(&["--trusted-proxies", "10.0.0.0/8"]), refused(&["--behind-proxy"]));
    let beyond = ["--listen", "192.0.2.1:8480", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    assert!(refused(&beyond).contains("192.0.2.1:8480 is reached from beyond this machine"));
    assert!(refused(&["--environment", "stage"]).contains("this deployment is for stage"));
}

#[test]
fn test_users_may_be_made_but_in_prod() {
    let made = |environment: &str| with_variable("KEYWARD_ENV", environment).unwrap().makes_test_users;

    assert_eq!(["dev", "test", "stage", "prod"].map(made), [true, true, true, false]);
    assert_eq!(row(&Given::default().resolve().unwrap(), "test_users").0.as_deref(), Some("true"));
    assert!(!with_variable("KEYWARD_TEST_USERS", "off").unwrap().makes_test_users);
    let forced = [("KEYWARD_ENV", "prod"), ("KEYWARD_TEST_USERS", "true")];
    let forced = Given { variables: &forced, ..Given::default() };
    insta::assert_snapshot!(complaint(forced.resolve()), @"There are no test users in prod, for everybody knows their passwords. | Leave out `test_users`, or use another environment.");
}

/// The settings with this file of test users.
fn with_test_users(text: &str) -> Result<Config, Complaint> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.toml");
    fs::write(&path, text).unwrap();
    with_variable("KEYWARD_TEST_USERS_FILE", path.to_str().unwrap())
}

#[test]
fn a_file_names_more_test_users_or_other_passwords_for_the_three() {
    let text = "[[test_users]]\nusername = 'manager@example.com'\npassword = 'TestManager123!'\n\
                group = 'LAB_MANAGERS'\nname = 'Test Manager'\n\
                [[test_users]]\nusername = 'TestAdmin@example.com'\npassword = 'Other123!'\ngroup = 'ADMINS'\n";

    let users = with_test_users(text).unwrap().test_users;

    let users =
        users.iter().map(|user| (user.username.as_str(), user.password.expose(), user.group.as_str()));
    assert_eq!(
        users.collect::<Vec<_>>(),
        [
            ("TestAdmin@example.com", "Other123!", "ADMINS"),
            ("testresearcher@example.com", "TestResearch123!", "RESEARCHERS"),
            ("testclinician@example.com", "TestClinic123!", "CLINICIANS"),
            ("manager@example.com", "TestManager123!", "LAB_MANAGERS"),
        ]
    );
}

#[test]
fn what_is_wrong_in_the_file_of_test_users_is_told_without_a_password() {
    let wrong = [
        "[[test_users]]\nusername = 'a@b'\npassword = 1234567\ngroup = 'ADMINS'",
        "[[test_users]]\nusername = 'a@b'\npassword = 'hidden'\nrole = 'ADMINS'",
        "[[test_users]]\nusername = 'nobody'\npassword = 'hidden'\ngroup = 'ADMINS'",
        "test_users = 'hidden'",
        "hidden",
    ];

    let complaints = wrong.map(|text| {
        let complaint = complaint(with_test_users(text));
        assert!(!complaint.contains("hidden") && !complaint.contains("1234567"), "{complaint}");
        let (_, complaint) = complaint.split_once("users.toml ").unwrap();
        complaint.split(" | ").next().unwrap().to_owned()
    });

    insta::assert_snapshot!(complaints.join("\n"), @r"
    is wrong at line 3.
    is wrong at line 4.
    gives number 1 no email address, password or group.
    is wrong at line 1.
    is wrong at line 1.
    ");
    let missing = complaint(with_variable("KEYWARD_TEST_USERS_FILE", "/nowhere/users.toml"));
    assert!(missing.starts_with("The file of test users /nowhere/users.toml can't be read"), "{missing}");
}

#[test]
fn a_mail_server_is_reached_with_tls_unless_it_is_on_this_machine() {
    let server = |url: &str| {
        let variables = [("KEYWARD_SMTP_URL", url), ("KEYWARD_MAIL_FROM", "Keyward <no-reply@example.com>")];
        let mail = Given { variables: &variables, ..Given::default() }.resolve().unwrap().mail.unwrap();
        assert_eq!(mail.from.to_string(), "Keyward <no-reply@example.com>");
        let SmtpServer { host, port, security, username, password } = mail.server;
        let password = password.map(|password| password.expose().to_owned());
        (host, port, security, username.unwrap_or_default(), password.unwrap_or_default())
    };
    let of = |host: &str, port: u16, security, username: &str, password: &str| {
        (host.to_owned(), port, security, username.to_owned(), password.to_owned())
    };
    let (tls, start_tls, none) = (SmtpSecurity::Tls, SmtpSecurity::StartTls, SmtpSecurity::None);

    assert_eq!(server("smtp://mail.example.com"), of("mail.example.com", 587, start_tls, "", ""));
    assert_eq!(server("smtp://mail.example.com:25/"), of("mail.example.com", 25, start_tls, "", ""));
    assert_eq!(server("smtp://mail.example.com?tls=none"), of("mail.example.com", 25, none, "", ""));
    assert_eq!(server("smtps://mail.example.com"), of("mail.example.com", 465, tls, "", ""));
    assert_eq!(server("smtp://localhost"), of("localhost", 25, none, "", ""));
    assert_eq!(server("smtp://[::1]:2525"), of("::1", 2525, none, "", ""));
    assert_eq!(server("smtp://127.0.0.1?tls=required"), of("127.0.0.1", 587, start_tls, "", ""));
    assert_eq!(
        server("smtps://ada%40example.com:p%3Aw%C3%B6rd@mail.example.com"),
        of("mail.example.com", 465, tls, "ada@example.com", "p:wörd")
    );
}

#[test]
fn what_is_wrong_about_a_mail_server_is_said_without_its_password() {
    let refused = |variables: &[(&str, &str)]| {
        let complaint = complaint(Given { variables, ..Given::default() }.resolve());
        assert!(!complaint.contains("hunter2"), "{complaint}");
        complaint.split(" | ").next().unwrap().to_owned()
    };
    let from = ("KEYWARD_MAIL_FROM", "no-reply@example.com");
    let with = |url| refused(&[("KEYWARD_SMTP_URL", url), from]);

    let form = "The setting smtp_url (environment KEYWARD_SMTP_URL) must be a URL that begins with smtp:// or smtps://.";
    for url in ["mail.example.com:25", "http://ada:hunter2@host", "smtp://", "smtp://ada:hunter2@host/path"] {
        assert_eq!(with(url), form, "{url}");
    }
    for url in ["smtps://host?tls=none", "smtp://host?tls=maybe", "smtp://host#x", "smtp://ada:%FF@host"] {
        assert_eq!(with(url), form, "{url}");
    }
    assert!(
        with("smtp://ada:hunter2@host?tls=none").contains("must be a URL with TLS where there is a user")
    );
    assert_eq!(with("smtp://ada@host"), "To sign in at the mail server takes a user and a password.");
    assert_eq!(
        refused(&[("KEYWARD_SMTP_URL", "smtp://host")]),
        "The setting smtp_url is of no use without mail_from."
    );
    assert_eq!(refused(&[from]), "The setting mail_from is of no use without smtp_url.");
    let file = ("KEYWARD_SMTP_PASSWORD_FILE", "/run/secrets/smtp");
    assert_eq!(refused(&[file]), "The setting smtp_password_file is of no use without smtp_url.");
    assert_eq!(
        refused(&[("KEYWARD_SMTP_URL", "smtp://ada:hunter2@host"), from, file]),
        "Both KEYWARD_SMTP_URL and smtp_password_file give a password."
    );
    assert!(refused(&[("KEYWARD_MAIL_FROM", "nobody")]).contains("must be an email address"));
}

#[test]
fn a_secret_in_a_url_comes_from_the_environment_alone_and_is_shown_to_nobody() {
    let refused = |flag: &str, url: &str| complaint(with_flags(&[flag, url]));

    assert_eq!(
        refused("--smtp-url", "smtp://ada:hunter2@host"),
        "The setting smtp_url (flag --smtp-url) holds a secret, and command lines and files are read by \
         many. | Take it out and give it as KEYWARD_SMTP_URL in the environment."
    );
    assert!(refused("--sms-webhook", "https://host/send?token=hunter2").contains("holds a secret"));
    assert!(complaint(with_file("sms_webhook = 'https://ada:hunter2@host/'")).contains("holds a secret"));

    let variables = [
        ("KEYWARD_SMTP_URL", "smtp://ada:hunter2@mail.example.com:2525"),
        ("KEYWARD_MAIL_FROM", "no-reply@example.com"),
        ("KEYWARD_SMS_WEBHOOK", "https://ada:hunter2@host/hunter2?token=hunter2"),
    ];
    let config = Given { variables: &variables, ..Given::default() }.resolve().unwrap();
    assert_eq!(row(&config, "smtp_url").0.unwrap(), "smtp://ada:********@mail.example.com:2525");
    assert_eq!(row(&config, "sms_webhook").0.unwrap(), "https://ada:********@host/********");
    assert!(!format!("{config:?}").contains("hunter2"));
    let plain = with_flags(&["--smtp-url", "smtp://host?tls=none", "--mail-from", "a@example.com"]).unwrap();
    assert_eq!(row(&plain, "smtp_url").0.unwrap(), "smtp://host?tls=none");
}

#[test]
fn an_sms_goes_one_way() {
    let command = with_variable("KEYWARD_SMS_COMMAND", " /usr/bin/send  --from ACME ").unwrap().sms;
    assert_eq!(command, Some(SmsGateway::Command(texts(&["/usr/bin/send", "--from", "ACME"]))));
    for url in ["https://sms.example.com/send", "http://localhost:9000/send", "http://[::1]/"] {
        let webhook = with_variable("KEYWARD_SMS_WEBHOOK", url).unwrap().sms;
        assert_eq!(webhook, Some(SmsGateway::Webhook(url.into())));
    }
    for url in ["http://sms.example.com/send", "ftp://localhost", "sms.example.com"] {
        assert!(
            complaint(with_variable("KEYWARD_SMS_WEBHOOK", url)).contains("must be an https URL"),
            "{url}"
        );
    }
    let both = [("KEYWARD_SMS_COMMAND", "send"), ("KEYWARD_SMS_WEBHOOK", "https://host/")];
    let both = Given { variables: &both, ..Given::default() }.resolve();
    assert!(complaint(both).starts_with("Both sms_command and sms_webhook say how to send an SMS."));
}

/// As a deployment of RawScribe has them.
const DEPLOYED: [(&str, &str); 3] = [
    ("COGNITO_USER_POOL_ID", "us-east-1_Deployed1"),
    ("COGNITO_CLIENT_ID", "deployedclient"),
    ("COGNITO_REGION", "us-east-1"),
];
/// Whose pool isn't there any more.
const STALE: &str = r#"{"lambda": {"auth": {"provider": "cognito", "required": true, "cognito": {
    "userPoolId": "eu-west-1_Stale1234", "clientId": "staleclient", "region": "eu-west-1"}}}}"#;

fn cognito(variables: &[(&str, &str)], file: Option<&str>) -> CognitoPool {
    let given = Given { variables, rawscribe: file, flags: &["--provider=cognito"], ..Given::default() };
    given.resolve().unwrap().provider.cognito().unwrap().clone()
}

fn told(pool: &CognitoPool) -> [&str; 4] {
    [&pool.user_pool_id, &pool.client_id, &pool.region, pool.source.as_str()]
}

#[test]
fn the_environment_wins_over_a_stale_file_and_the_source_is_told_truthfully() {
    let deployed = cognito(&DEPLOYED, Some(STALE));
    assert_eq!(told(&deployed), ["us-east-1_Deployed1", "deployedclient", "us-east-1", "environment"]);
    let from_file = cognito(&[], Some(STALE));
    assert_eq!(told(&from_file), ["eu-west-1_Stale1234", "staleclient", "eu-west-1", "config_file"]);
    let mixed = cognito(&DEPLOYED[..1], Some(STALE));
    assert_eq!(told(&mixed), ["us-east-1_Deployed1", "staleclient", "eu-west-1", "mixed"]);
    // What was worked out from the pool's id came from nowhere.
    let without_region = cognito(&DEPLOYED[..2], None);
    assert_eq!(told(&without_region), ["us-east-1_Deployed1", "deployedclient", "us-east-1", "environment"]);

    let ours = ("KEYWARD_COGNITO_CLIENT_ID", "ours");
    assert_eq!(cognito(&[&DEPLOYED[..], &[ours]].concat(), None).client_id, "ours");
    let variables = [DEPLOYED[0]];
    let config =
        Given { variables: &variables, rawscribe: Some(STALE), ..Given::default() }.resolve().unwrap();
    let source = |name| row(&config, name).1;
    assert_eq!(source("cognito_user_pool_id"), "environment COGNITO_USER_POOL_ID");
    assert_eq!([source("cognito_client_id"), source("provider")], ["file", "file"]);
    assert_eq!(row(&config, "cognito_region"), (Some("eu-west-1".into()), "file".into()));
}

#[test]
fn cognito_takes_a_pool_and_a_client() {
    let refused = |variables: &[(&str, &str)]| {
        complaint(Given { variables, flags: &["--provider", "cognito"], ..Given::default() }.resolve())
    };

    insta::assert_snapshot!(refused(&[]), @"With the provider cognito, cognito_user_pool_id (COGNITO_USER_POOL_ID) and cognito_client_id (COGNITO_CLIENT_ID) must be set. | Both are outputs of the stack that made the pool; leave the provider out to keep users here.");
    insta::assert_snapshot!(refused(&DEPLOYED[..1]), @"With the provider cognito, cognito_client_id (COGNITO_CLIENT_ID) must be set. | Both are outputs of the stack that made the pool; leave the provider out to keep users here.");
    let strange = [("COGNITO_USER_POOL_ID", "Pool_1"), DEPLOYED[1]];
    insta::assert_snapshot!(refused(&strange), @"With the provider cognito, cognito_region (COGNITO_REGION) must be set. | It is the region in which the pool was made, such as us-east-1.");
}

#[test]
fn times_and_groups_of_a_home_elsewhere_are_read() {
    let bound = |text: &str| with_flags(&["--directory-bound", text]).unwrap().directory_bound_ms;
    assert_eq!(with_flags(&[]).unwrap().directory_bound_ms, 60_000);
    assert_eq!(["60s", "90", "500ms", "2m", "0s"].map(bound), [60_000, 90_000, 500, 120_000, 0]);

    assert_eq!(cognito(&DEPLOYED, None).groups, ["ADMINS", "LAB_MANAGERS", "RESEARCHERS", "CLINICIANS"]);
    let listed = ("KEYWARD_COGNITO_GROUPS", "ADMINS, night shift");
    assert_eq!(cognito(&[&DEPLOYED[..], &[listed]].concat(), None).groups, ["ADMINS", "night shift"]);
    let file = r#"{"lambda": {"auth": {"cognito": {"groups": {
        "ADMINS": {"description": "All of it", "permissions": ["*"]}, "AUDITORS": {}}}}}}"#;
    assert_eq!(cognito(&DEPLOYED, Some(file)).groups, ["ADMINS", "AUDITORS"]);
}

#[test]
fn the_file_of_rawscribe_is_read_as_it_is() {
    let text = r#"{
        "private_webapp": {"theme": "dark"},
        "webapp": {"apiEndpoint": "/api"},
        "lambda": {
            "auth": {
                "provider": "cognito", "required": true,
                "cognito": {"userPoolId": "us-east-1_Pool12345", "clientId": "client", "region": "",
                    "groups": {"AUDITORS": {"description": "See all", "permissions": ["view:*"]}}}
            },
            "server": {"host": "0.0.0.0", "port": 8000},
            "cors": {"allowedOrigins": ["https://lab.example.com"]}
        }
    }"#;
    let config = Given { rawscribe: Some(text), ..Given::default() }.resolve().unwrap();

    let pool = config.provider.cognito().unwrap();
    assert_eq!(told(pool), ["us-east-1_Pool12345", "client", "us-east-1", "config_file"]);
    let rawscribe = config.rawscribe.now();
    assert_eq!(rawscribe.allowed_origins, Some(texts(&["https://lab.example.com"])));
    assert_eq!(serde_json::to_string(&rawscribe.private_webapp).unwrap(), r#"{"theme":"dark"}"#);
    assert_eq!(rawscribe.groups["AUDITORS"].permissions, ["view:*"]);
    assert_eq!(row(&config, "rawscribe_config").1, "default");

    // Ours wins, and RawScribe's default is the users of its file.
    let file = Some("provider = 'local'");
    let ours = Given { rawscribe: Some(text), file, ..Given::default() }.resolve().unwrap();
    assert_eq!(ours.provider, Provider::Local);
    let jwt = Given { rawscribe: Some(r#"{"lambda": {"auth": {}}}"#), ..Given::default() }.resolve();
    assert_eq!(jwt.unwrap().provider, Provider::Jwt);
    let none = Given { rawscribe: Some(r#"{"lambda": {}}"#), ..Given::default() }.resolve().unwrap();
    assert_eq!(none.provider, Provider::Local);
    assert_eq!(none.rawscribe.now().allowed_origins, None);
}

#[test]
fn the_file_of_rawscribe_is_found_where_it_says() {
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("other.json");
    fs::write(&other, STALE.replace("Stale1234", "Other1234")).unwrap();
    let other = other.to_str().unwrap();
    let pool = |flags: &[&str], variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::resolve(&arguments(flags), &variables.collect(), folder.path()).unwrap();
        let pool = config.provider.cognito().map(|pool| pool.user_pool_id.clone());
        (pool.unwrap_or_default(), row(&config, "rawscribe_config").1)
    };
    let of = |pool: &str, source: &str| (pool.to_owned(), source.to_owned());

    let variable = ("CONFIG_PATH", other);
    assert_eq!(pool(&[], &[]), of("", "default"));
    assert_eq!(pool(&[], &[variable]), of("eu-west-1_Other1234", "environment CONFIG_PATH"));
    assert_eq!(pool(&[], &[variable, ("TESTING", "true")]), of("", "default"));
    write_rawscribe(folder.path(), STALE);
    assert_eq!(pool(&[], &[variable]), of("eu-west-1_Stale1234", "default"));
    let flag = ["--rawscribe-config", other];
    assert_eq!(pool(&flag, &[variable]), of("eu-west-1_Other1234", "flag --rawscribe-config"));
    let variable = ("KEYWARD_RAWSCRIBE_CONFIG", other);
    assert_eq!(pool(&[], &[variable]), of("eu-west-1_Other1234", "environment KEYWARD_RAWSCRIBE_CONFIG"));
}

#[test]
fn what_is_wrong_with_the_file_of_rawscribe_is_told_without_what_stands_there() {
    let refused = |text: &str| {
        let complaint = complaint(Given { rawscribe: Some(text), ..Given::default() }.resolve());
        let (start, end) = (complaint.find('/').unwrap(), complaint.find(rawscribe::DEFAULT_FILE).unwrap());
        complaint.replace(&complaint[start..end], "")
    };

    insta::assert_snapshot!(refused("{\n\"lambda\": hunter2}"), @"rawscribe/.config/config.json isn't JSON at line 2, column 11. | RawScribe's file of settings is a JSON object with the member `lambda`.");
    insta::assert_snapshot!(refused("{}"), @"rawscribe/.config/config.json has no object `lambda`, so it isn't RawScribe's. | Name the file that RawScribe reads, or none: rawscribe_config, or CONFIG_PATH.");
    insta::assert_snapshot!(refused(r#"{"lambda": {"cors": {"allowedOrigins": "hunter2"}}}"#), @"In rawscribe/.config/config.json, `lambda.cors.allowedOrigins`: must be a list. | Write it as RawScribe has it, or take it out.");
    insta::assert_snapshot!(refused(r#"{"lambda": {"auth": {"provider": "oauth"}}}"#), @r#"The setting provider (file rawscribe/.config/config.json) must be local, cognito or jwt, not "oauth". | `keyward serve --help` tells about every setting."#);
    assert_eq!(
        complaint(with_variable("CONFIG_PATH", "/nowhere/config.json")),
        "RawScribe's file of settings /nowhere/config.json isn't there. | Check the path behind \
         rawscribe_config or CONFIG_PATH, or take it away."
    );
}

#[test]
fn another_issuer_comes_with_its_audience_and_roles() {
    let all = [
        ("KEYWARD_OIDC_ISSUER", "https://login.example.com/realms/lab/"),
        ("KEYWARD_OIDC_AUDIENCE", "keyward"),
        ("KEYWARD_OIDC_ROLES", "lab-admins=ADMINS, /a=b/staff = NIGHT SHIFT"),
    ];
    let issuer = Given { variables: &all, ..Given::default() }.resolve().unwrap().external_issuer.unwrap();
    assert_eq!((issuer.issuer.as_str(), issuer.groups_claim.as_str()), (all[0].1, "groups"));
    let roles = [("lab-admins", "ADMINS"), ("/a=b/staff", "NIGHT SHIFT")];
    assert_eq!(issuer.roles, roles.map(|(group, role)| (group.to_owned(), role.to_owned())));

    for left_out in 0..3 {
        let mut some = all.to_vec();
        some.remove(left_out);
        let refused = complaint(Given { variables: &some, ..Given::default() }.resolve());
        assert!(refused.starts_with("The settings oidc_issuer, oidc_audience and oidc_roles"), "{refused}");
    }
    for wrong in ["http://login.example.com", "login.example.com", "https://ada:hunter2@login.example.com"] {
        let refused = complaint(with_variable("KEYWARD_OIDC_ISSUER", wrong));
        assert!(refused.contains("must be an https URL, or an http URL on this machine"), "{refused}");
    }
    assert!(complaint(with_variable("KEYWARD_OIDC_ROLES", "ADMINS")).contains("as GROUP=ROLE"));
}

/// RawScribe's file with this user and this `jwt`.
fn with_user(user: &str, jwt: &str) -> String {
    format!(r#"{{"lambda": {{"auth": {{"provider": "jwt", "users": [{user}], "jwt": {jwt}}}}}}}"#)
}

fn resolved(file: &str, environment: &str) -> Result<Config, Complaint> {
    let flags = ["--environment", environment];
    Given { rawscribe: Some(file), flags: &flags, ..Given::default() }.resolve()
}

#[test]
fn a_password_in_clear_is_for_developers_alone() {
    let clear = with_user(r#"{"id": "a", "username": "ada", "password": "hunter2"}"#, "{}");
    let hashed = clear.replace("hunter2\"", "\", \"password_hash\": \"$argon2id$\"");

    let dev = resolved(&clear, "dev").unwrap();
    assert!(!format!("{dev:?}").contains("hunter2"));
    for environment in ["test", "stage", "prod"] {
        let complaint = complaint(resolved(&clear, environment));
        assert!(
            complaint
                .contains(&format!("has a password in clear, and this deployment is for {environment}."))
        );
        assert!(complaint.ends_with("with what `keyward hash-password` gives."));
        assert!(!complaint.contains("hunter2"), "{complaint}");
        resolved(&hashed, environment).unwrap();
    }
    // Of no concern where users are kept elsewhere.
    resolved(&clear.replace("\"jwt\", \"users\"", "\"local\", \"users\""), "prod").unwrap();
}

#[test]
fn a_secret_that_anybody_could_find_out_is_refused_in_earnest() {
    let with = |secret: &str, algorithm: &str| {
        with_user(
            r#"{"id": "a", "username": "ada"}"#,
            &format!(r#"{{"secret": "{secret}", "algorithm": "{algorithm}"}}"#),
        )
    };
    let drawn = "0f3a9c81d2b7465e8ad19c3b5f7e2046c1d8a97b3e5f60214d8cb9a7f6e53021";
    let weak = [
        ("dev-secret", "HS256"),
        ("dev-secret-this-is-only-for-local-development", "HS256"),
        ("CHANGEME-CHANGEME-CHANGEME-CHANGEME-0", "HS256"),
        ("abababababababababababababababababababab", "HS256"),
        (&drawn[..31], "HS256"),
        (&drawn[..63], "HS512"),
    ];
    for (secret, algorithm) in weak {
        for environment in ["stage", "prod"] {
            let complaint = complaint(resolved(&with(secret, algorithm), environment));
            assert!(
                complaint.contains("`lambda.auth.jwt.secret` ") && !complaint.contains(secret),
                "{complaint}"
            );
        }
        resolved(&with(secret, algorithm), "dev").unwrap();
    }
    for (secret, algorithm) in [(drawn, "HS256"), (drawn, "HS512"), ("", "HS256")] {
        let config = resolved(&with(secret, algorithm), "prod").unwrap();
        assert!(secret.is_empty() || !format!("{config:?}").contains(secret));
    }
    let complaint = complaint(resolved(&with(drawn, "RS256"), "dev"));
    assert!(complaint.contains("`lambda.auth.jwt.algorithm` must be HS256, HS384 or HS512."));
}

#[test]
fn what_a_user_may_do_does_not_hang_on_a_typo() {
    let refused = |user: &str| complaint(resolved(&with_user(user, "{}"), "dev"));

    let typo = refused(r#"{"id": "a", "username": "ada", "groups": ["ADMINS"], "permission": []}"#);
    assert!(
        typo.ends_with("a user has the unknown member `permission`. | Did you mean permissions?"),
        "{typo}"
    );
    let missing = refused(r#"{"id": "a"}"#);
    assert!(missing.contains("`lambda.auth.users[0]`: missing field `username`."), "{missing}");
    let wrong = refused(r#"{"id": "a", "username": "ada", "password": 12345}"#);
    assert!(wrong.contains("`lambda.auth.users[0].password`: must be a string.") && !wrong.contains("12345"));
    resolved(&with_user(r#"{"id": "a", "username": "ada", "department": "Engines"}"#, "{}"), "dev").unwrap();
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}
