//! Help, versions, completions and manual pages.

use insta::assert_snapshot;

use crate::cli_support::Desk;

#[test]
fn keyward_alone_shows_what_there_is() {
    let ran = Desk::new().run(&[]);

    assert_snapshot!(ran, @r#"
    exit 0
    --- stdout
    Users, roles and API keys for an application

    Usage: keyward [OPTIONS] <COMMAND>

    Commands:
      serve              Run the server
      config             Look at the server's settings
      admin              Work on the data folder itself, when nobody can get in
      setup              Point a profile at a server
      auth               Sign in and out
      whoami             Tell who the credential stands for, and what it may do
      token              Print an ID token
      runtime-config     Tell where applications sign in
      profile            Keep several servers or people side by side
      user               People's accounts, and program users
      api-key            Keys for programs, each acting as a user
      access-key         What AWS' own clients sign with, each acting as a user
      role               What may be done, and who may do it
      can                Ask whether something is allowed
      user-pool          Pools of users beside the home pool, whose users have roles and keys
      app-client         Applications' ways into a user pool
      test-users         Accounts to try an application with
      secure-production  Delete the test users and give every admin a new password
      audit              Who did what to whom
      outbox             Show the messages that wait to be read here, newest last
      features           What the server has switched on
      hash-password      Hash a password for a file of users, where it is `password_hash`
      completions        Write the completions of a shell to stdout
      man                Write the manual pages
      version            Print the version
      help               Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')

    Global options:
          --profile <NAME>  Use this profile
          --json-output     Write one JSON document to stdout and nothing else; errors, too
          --verbose         Tell on stderr which server is asked, and what it answers
      -V, --version         Print the version

    Environment:
      KEYWARD_URL               the server, whatever the profile says
      KEYWARD_API_KEY           act by this API key: nobody needs to sign in
      KEYWARD_PROFILE           the profile, unless --profile names one
      KEYWARD_TIMEOUT           seconds that a request may take [default: 30]
      KEYWARD_CREDENTIAL_STORE  file or keyring: where a sign-in keeps its tokens
      NO_COLOR                  no colours

    Without any set-up, commands go to http://localhost:8480.

    Examples:
      keyward auth login -u ada@example.com
      keyward user create -u bob@example.com -e bob@example.com
      keyward role user create -u ci-bot@example.com --role-name pipeline-runner
      keyward api-key create --name CI --user-id ci-bot@example.com \
          --description "CI/CD" --json-output
    "#);
}

#[test]
fn a_group_alone_shows_its_commands() {
    let ran = Desk::new().run(&["role"]);

    assert_snapshot!(ran, @r"
    exit 0
    --- stdout
    What may be done, and who may do it

    Usage: keyward role [OPTIONS] <COMMAND>

    Commands:
      list    List roles
      show    Show one role
      create  Create a role
      update  Change a role; what isn't named stays as it is
      delete  Delete a role, and take it from all who hold it
      user    Who holds which role
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help

    Global options:
          --profile <NAME>  Use this profile
          --json-output     Write one JSON document to stdout and nothing else; errors, too
          --verbose         Tell on stderr which server is asked, and what it answers
      -V, --version         Print the version

    Example:
      keyward role list
    ");
}

#[test]
fn the_help_of_a_command_ends_with_an_example() {
    let ran = Desk::new().run(&["api-key", "create", "--help"]);

    assert_snapshot!(ran, @r#"
    exit 0
    --- stdout
    Create an API key, whose secret is shown once

    The key acts as its user and has the rights that this user has at the time, except those of roles
    that need a second factor.

    Usage: keyward api-key create [OPTIONS] --name <NAME> --user-id <NAME> --description <TEXT>

    Options:
          --name <NAME>
              Name of the key; it can't be changed later

          --user-id <NAME>
              The user that the key acts as, who must hold a role

          --description <TEXT>
              What the key is for

          --expires-at <WHEN>
              When it ends, ISO 8601; a date alone means the end of that day, UTC [default: never]

          --scope <ACTION:RESOURCE>
              Narrow the key to this permission (can be repeated)

          --allowed-address <CIDR>
              Accept the key only from these addresses (can be repeated)

          --owner <TEXT>
              Who answers for the key

          --review-at <DATE>
              When somebody should look whether it is still needed

      -h, --help
              Print help (see a summary with '-h')

    Global options:
          --profile <NAME>
              Use this profile

          --json-output
              Write one JSON document to stdout and nothing else; errors, too

          --verbose
              Tell on stderr which server is asked, and what it answers

      -V, --version
              Print the version

    Examples:
      keyward api-key create --name "CI Pipeline" --user-id ci-bot@example.com \
          --description "CI/CD access"
      keyward api-key create --name "Temp Key" --user-id dev@example.com \
          --description "Temporary" --expires-at 2027-06-30
    "#);
}

#[test]
fn under_the_name_vamscli_help_and_hints_say_vamscli() {
    let desk = Desk::new().under_name("vamscli");

    let help = desk.run(&["api-key", "delete", "--help"]).expect(0);
    assert!(help.stdout.contains("Usage: vamscli api-key delete"), "{help}");
    assert!(help.stdout.contains("  vamscli api-key delete --api-key-id"), "{help}");
    assert!(!help.stdout.contains("keyward "), "{help}");

    let refused = desk.run(&["user", "cognito", "delete", "-u", "a@example.com"]);
    assert_snapshot!(refused, @r"
    exit 1
    --- stderr
    error: Confirmation required for user deletion
    hint: `vamscli user delete -u a@example.com --confirm`
    ");

    assert_eq!(desk.run(&["--version"]).expect(0).stdout, "vamscli 0.1.0\n");
}

#[test]
fn the_version_is_told_as_a_flag_and_as_a_command() {
    let desk = Desk::new();

    assert_eq!(desk.run(&["--version"]).expect(0).stdout, "keyward 0.1.0\n");
    assert_eq!(desk.run(&["user", "list", "-V"]).expect(0).stdout, "keyward 0.1.0\n");
    assert_eq!(desk.run(&["version"]).expect(0).stdout, "keyward 0.1.0\n");
    assert_eq!(desk.run(&["version", "--json-output"]).expect(0).json()["version"], "0.1.0");
}

#[test]
fn there_are_completions_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = Desk::new().run(&["completions", shell]).expect(0);
        assert!(ran.stdout.contains("reset-password"), "{shell}");
        assert_eq!(ran.stderr, "");
    }
    let ran = Desk::new().under_name("vamscli").run(&["completions", "bash"]).expect(0);
    assert!(ran.stdout.contains("complete -F _vamscli"), "{}", ran.stdout);
}

#[test]
fn manual_pages_go_to_stdout_or_into_a_folder() {
    let desk = Desk::new();

    let page = desk.run(&["man"]).expect(0);
    assert!(page.stdout.contains(".TH keyward 1"), "{page}");

    desk.run(&["man", "--output-dir", "pages"]).expect(0);
    let page = std::fs::read_to_string(desk.home().join("pages/keyward-api-key-rotate.1")).unwrap();
    assert!(page.contains("overlap"), "{page}");
}
