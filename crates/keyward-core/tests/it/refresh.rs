//! Refresh tokens that rotate and that don't, and app clients with a secret.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::app_client::{AppClientSettings, NewSecret};
use keyward_core::audit::AuditQuery;
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Result};
use keyward_core::local_pool::mfa_preference::MfaChange;
use keyward_core::local_pool::sign_in::{Answer, Question, SignInRequest, Tokens};
use keyward_core::secret::Secret;
use keyward_core::user::UserUpdate;
use serde_json::json;

use crate::sign_in::{ANN, MINUTE_MS, PASSWORD, Proof, TEMPORARY, World, asked, claims, done, said};
use crate::support::{self, SECOND_MS, TestDatabase, code, on_both};

on_both! {
    a_refresh_token_that_rotates_is_good_once_and_within_the_grace,
    a_rotated_refresh_token_shown_again_ends_the_session,
    none_within_its_grace_is_taken_for_stolen,
    what_was_never_given_out_ends_nothing,
    of_refreshes_at_once_all_get_the_same_next_token,
    a_refresh_token_that_does_not_rotate_may_be_exchanged_too,
    rotation_changes_nothing_of_the_session,
    a_client_that_does_not_revoke_says_so,
    a_client_with_a_secret_must_show_it_at_every_step,
    a_client_reads_the_attributes_that_it_may,
}

impl World {
    async fn rotate(&self, token: &Secret) -> Result<Tokens> {
        self.keyward.rotate(&self.origin, &self.client_id, None, token).await
    }

    /// Through a client whose refresh tokens rotate.
    async fn rotating(&self, grace_seconds: i64) -> Self {
        let set = |settings: &mut AppClientSettings| {
            settings.rotation_grace_seconds = Some(grace_seconds);
            settings.flows.retain(|flow| flow != "ALLOW_REFRESH_TOKEN_AUTH");
        };
        self.through(NewSecret::None, set).await.0
    }
}

fn refresh_token(tokens: &Tokens) -> &Secret {
    tokens.refresh_token.as_ref().unwrap()
}

const REUSED: &str = "Refresh Token has been used before, so the session was ended; sign in again.";
const REVOKED: &str = "Refresh Token has been revoked";

async fn a_refresh_token_that_rotates_is_good_once_and_within_the_grace(database: TestDatabase) {
    let world = World::with_user(&database).await.rotating(30).await;
    let first = world.tokens().await;

    let second = world.rotate(refresh_token(&first)).await.unwrap();
    assert_ne!(refresh_token(&first), refresh_token(&second));
    assert_eq!(refresh_token(&first).expose().len(), refresh_token(&second).expose().len());
    // Whoever didn't hear the answer asks again, and gets the same one.
    world.pass(30 * SECOND_MS - 1);
    let repeated = world.rotate(refresh_token(&first)).await.unwrap();
    assert_eq!(refresh_token(&repeated), refresh_token(&second));
    assert_ne!(repeated.access_token, second.access_token);
    let third = world.rotate(refresh_token(&second)).await.unwrap();
    let repeated = world.rotate(refresh_token(&first)).await.unwrap();
    assert_eq!(refresh_token(&repeated), refresh_token(&second));
    world.pass(1);
    world.rotate(refresh_token(&second)).await.unwrap();
    let fourth = world.rotate(refresh_token(&third)).await.unwrap();

    world.keyward.own_account(&first.access_token).await.unwrap();
    for tokens in [&first, &second, &third, &fourth] {
        assert_eq!(claims(&tokens.access_token)["origin_jti"], claims(&first.id_token)["origin_jti"]);
    }
    // None of them lies in the database in clear.
    for (table, rows) in database.contents().await {
        for tokens in [&first, &second, &third, &fourth] {
            let token = refresh_token(tokens).expose();
            assert!(!rows.iter().any(|row| row.contains(token)), "in {table}");
        }
    }
}

async fn a_rotated_refresh_token_shown_again_ends_the_session(database: TestDatabase) {
    for grace_seconds in [0, 60] {
        let world = World::with_user(&database).await.rotating(grace_seconds).await;
        let (stolen, other) = (world.tokens().await, world.tokens().await);
        let newest = world.rotate(refresh_token(&stolen)).await.unwrap();
        world.pass(grace_seconds * SECOND_MS);

        let refused = world.rotate(refresh_token(&stolen)).await.unwrap_err();

        assert_eq!((refused.code, &*refused.message), (Code::CodeExpired, REUSED));
        assert_eq!(said(world.rotate(refresh_token(&newest)).await), REVOKED);
        assert_eq!(said(world.rotate(refresh_token(&stolen)).await), REVOKED);
        for tokens in [&stolen, &newest] {
            let message = "Access Token has been revoked";
            assert_eq!(said(world.keyward.own_account(&tokens.access_token).await), message);
            assert_eq!(code(world.authenticate(&tokens.id_token).await), Code::Unauthenticated);
        }
        world.rotate(refresh_token(&other)).await.unwrap();
        let query = AuditQuery { action: Some("user.sign-out".into()), ..AuditQuery::default() };
        let events = world.keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
        assert_eq!(events.len(), 1);
        assert_eq!((&*events[0].actor_kind, events[0].target_name.as_deref()), ("nobody", Some(ANN)));
        let session = &claims(&stolen.id_token)["origin_jti"];
        assert_eq!(events[0].detail, json!({ "session": session, "reason": "refresh_token_reuse" }));
        database.execute("DELETE FROM audit_events").await;
        world.keyward.delete_user(&Caller::operator(), ANN, None).await.unwrap();
    }
}

async fn what_was_never_given_out_ends_nothing(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let rotating = world.rotating(0).await;
    let (lasting, rotated) = (world.tokens().await, rotating.tokens().await);
    let mangled = |tokens: &Tokens| {
        let token = refresh_token(tokens).expose();
        let (start, end) = token.split_at(token.len() - 1);
        let other = if end == "0" { "1" } else { "0" };
        [format!("{token}x"), start.to_owned(), format!("{start}{other}"), token[..22].to_owned()]
    };

    for token in mangled(&lasting) {
        let refreshed = world.keyward.refresh(world.request(), &token.as_str().into()).await;
        assert_eq!(said(refreshed), "Invalid Refresh Token.");
    }
    for token in mangled(&rotated) {
        let refreshed = rotating.rotate(&token.as_str().into()).await;
        assert_eq!(said(refreshed), "Invalid Refresh Token.");
    }

    world.keyward.refresh(world.request(), refresh_token(&lasting)).await.unwrap();
    rotating.rotate(refresh_token(&rotated)).await.unwrap();
}

async fn none_within_its_grace_is_taken_for_stolen(database: TestDatabase) {
    let world = World::with_user(&database).await.rotating(10).await;
    let mut tokens = vec![world.tokens().await.refresh_token.unwrap()];
    for _ in 0..16 {
        tokens.push(world.rotate(tokens.last().unwrap()).await.unwrap().refresh_token.unwrap());
    }

    assert_eq!(code(world.rotate(&tokens[16]).await), Code::TooManyRequests(10));
    for (shown, next) in tokens.iter().zip(&tokens[1..]) {
        assert_eq!(world.rotate(shown).await.unwrap().refresh_token.unwrap().expose(), next.expose());
    }

    world.pass(10 * SECOND_MS);
    world.rotate(&tokens[16]).await.unwrap();
    assert_eq!(code(world.rotate(&tokens[3]).await), Code::CodeExpired);
}

async fn of_refreshes_at_once_all_get_the_same_next_token(database: TestDatabase) {
    let world = World::with_user(&database).await.rotating(60).await;
    let tokens = world.tokens().await;
    let token = refresh_token(&tokens);

    let (one, other, third) = tokio::join!(world.rotate(token), world.rotate(token), world.rotate(token));

    let next = one.unwrap();
    assert_eq!(refresh_token(&next), refresh_token(&other.unwrap()));
    assert_eq!(refresh_token(&next), refresh_token(&third.unwrap()));
    world.rotate(refresh_token(&next)).await.unwrap();
}

async fn a_refresh_token_that_does_not_rotate_may_be_exchanged_too(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let tokens = world.tokens().await;

    for _ in 0..2 {
        let renewed = world.rotate(refresh_token(&tokens)).await.unwrap();
        assert!(renewed.refresh_token.is_none());
    }
    let rotating = world.rotating(0).await;
    assert_eq!(said(rotating.rotate(refresh_token(&tokens)).await), "Invalid Refresh Token.");
    assert_eq!(said(world.rotate(&"x".into()).await), "Invalid Refresh Token.");
    let set = |settings: &mut AppClientSettings| settings.flows.clear();
    let (world, _) = world.through(NewSecret::None, set).await;
    let refused = "REFRESH_TOKEN_AUTH flow not enabled for this client";
    assert_eq!(said(world.rotate(refresh_token(&tokens)).await), refused);
}

async fn rotation_changes_nothing_of_the_session(database: TestDatabase) {
    let world = World::with_user(&database).await.rotating(10).await;
    let first = world.tokens().await;
    let refused = "REFRESH_TOKEN_AUTH flow not enabled for this client";
    assert_eq!(said(world.refresh(&first).await), refused);
    world.pass(10 * MINUTE_MS);

    let second = world.rotate(refresh_token(&first)).await.unwrap();

    for (old, new) in [(&first.id_token, &second.id_token), (&first.access_token, &second.access_token)] {
        let (old, new) = (claims(old), claims(new));
        assert_eq!((&old["auth_time"], &old["origin_jti"]), (&new["auth_time"], &new["origin_jti"]));
        assert_ne!((&old["jti"], &old["iat"]), (&new["jti"], &new["iat"]));
    }
    // It ends when the first one would have.
    world.pass(30 * support::DAY_MS - 10 * MINUTE_MS - 1);
    let last = world.rotate(refresh_token(&second)).await.unwrap();
    world.pass(1);
    assert_eq!(said(world.rotate(refresh_token(&last)).await), "Refresh Token has expired");

    let last = world.tokens().await;
    let newest = world.rotate(refresh_token(&last)).await.unwrap();
    let disabled = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    world.keyward.update_user(&Caller::operator(), ANN, disabled).await.unwrap();
    assert_eq!(said(world.rotate(refresh_token(&newest)).await), "User is disabled.");
}

async fn a_client_that_does_not_revoke_says_so(database: TestDatabase) {
    let first = World::with_user(&database).await;
    let (world, _) = first.through(NewSecret::None, |settings| settings.revokes_tokens = false).await;
    let tokens = world.tokens().await;

    let (keyward, client_id) = (&world.keyward, &world.client_id);
    let refused = keyward.revoke_refresh_token(&world.origin, client_id, None, refresh_token(&tokens)).await;

    assert_eq!(code(refused), Code::Conflict);
    world.refresh(&tokens).await.unwrap();

    // A rotated one stands for its session as well.
    let world = first.rotating(0).await;
    let tokens = world.tokens().await;
    let newest = world.rotate(refresh_token(&tokens)).await.unwrap();
    let (keyward, client_id) = (&world.keyward, &world.client_id);
    keyward.revoke_refresh_token(&world.origin, client_id, None, refresh_token(&tokens)).await.unwrap();
    assert_eq!(said(world.rotate(refresh_token(&newest)).await), REVOKED);
}

fn secret_hash(secret: &Secret, username: &str, client_id: &str) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{username}{client_id}").as_bytes())).as_str().into()
}

async fn a_client_with_a_secret_must_show_it_at_every_step(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let (world, secret) = world.through(NewSecret::Generated, |_| ()).await;
    let (keyward, client_id, secret) = (&world.keyward, &world.client_id, secret.unwrap());
    let missing = format!("Client {client_id} is configured with secret but SECRET_HASH was not received");
    let wrong = format!("Unable to verify secret hash for client {client_id}");
    let hash_of = |name: &str| secret_hash(&secret, name, client_id);
    let (of_ann, of_bob) = (hash_of(ANN), hash_of("bob@x.co"));
    let bare = SignInRequest::new(&world.origin, client_id);
    let with = |hash| bare.with_secret_hash(Some(hash));
    let user = keyward.user(&Caller::operator(), ANN).await.unwrap();
    let of_id = hash_of(&user.id);
    let no_hash = Secret::from("not a hash");
    let refusals = [(bare, &missing), (with(&of_bob), &wrong), (with(&no_hash), &wrong)];

    let sign_in =
        async |request, password: &str| keyward.sign_in_with_password(request, ANN, &password.into()).await;
    for (request, refusal) in refusals {
        // Whether or not the password is right.
        assert_eq!(said(sign_in(request, TEMPORARY).await), *refusal);
        assert_eq!(said(sign_in(request, "Wrong-Password-1").await), *refusal);
    }
    let challenge = asked(sign_in(with(&of_ann), TEMPORARY).await, Question::NewPassword);
    let answer = |request| Answer { request, session: &challenge.session, username: None };
    for (request, refusal) in refusals {
        let chosen = keyward.choose_password(answer(request), &PASSWORD.into()).await;
        assert_eq!(said(chosen), *refusal);
    }
    // By whichever of their names.
    done(keyward.choose_password(answer(with(&of_id)), &PASSWORD.into()).await);
    let tokens = done(sign_in(with(&of_ann), PASSWORD).await);

    let (client, srp_a) = world.srp_client(ANN, PASSWORD);
    for (request, refusal) in refusals {
        assert_eq!(said(keyward.begin_srp(request, ANN, &srp_a).await), *refusal);
    }
    let challenge = keyward.begin_srp(with(&of_ann), ANN, &srp_a).await.unwrap();
    let proof = Proof::of(&client, &challenge);
    for (request, refusal) in refusals {
        assert_eq!(said(keyward.finish_srp(request, proof.as_srp_proof()).await), *refusal);
    }
    done(keyward.finish_srp(with(&of_id), proof.as_srp_proof()).await);

    for (request, refusal) in refusals {
        assert_eq!(said(keyward.refresh(request, refresh_token(&tokens)).await), *refusal);
    }
    keyward.refresh(with(&of_ann), refresh_token(&tokens)).await.unwrap();
    keyward.refresh(with(&of_id), refresh_token(&tokens)).await.unwrap();
    let (origin, token) = (&world.origin, refresh_token(&tokens));
    for other in [None, Some(&of_ann)] {
        assert_eq!(code(keyward.rotate(origin, client_id, other, token).await), Code::Unauthenticated);
        let revoked = keyward.revoke_refresh_token(origin, client_id, other, token).await;
        assert_eq!(code(revoked), Code::Unauthenticated);
    }
    keyward.rotate(origin, client_id, Some(&secret), token).await.unwrap();

    let token = world.prove_token(&tokens.access_token).await;
    keyward.set_mfa_preference(origin, &tokens.access_token, &MfaChange::software_token(true)).await.unwrap();
    world.pass(30 * SECOND_MS);
    let challenge = asked(sign_in(with(&of_ann), PASSWORD).await, Question::SoftwareToken);
    let answer = |request| Answer { request, session: &challenge.session, username: Some(ANN) };
    for (request, refusal) in refusals {
        let shown = keyward.show_code(answer(request), &token.code(&world).into()).await;
        assert_eq!(said(shown), *refusal);
    }
    done(keyward.show_code(answer(with(&of_ann)), &token.code(&world).into()).await);
    keyward.revoke_refresh_token(origin, client_id, Some(&secret), refresh_token(&tokens)).await.unwrap();

    // Either secret is good while there are two.
    let pool_id = keyward.local_pool().id();
    let second = keyward.add_client_secret(&Caller::operator(), pool_id, client_id, None).await.unwrap();
    let by_second = secret_hash(&second.secret, ANN, client_id);
    for hash in [&of_ann, &by_second] {
        asked(sign_in(with(hash), PASSWORD).await, Question::SoftwareToken);
    }
}

async fn a_client_reads_the_attributes_that_it_may(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let update = UserUpdate { phone: Some(Some("+12345678900".into())), ..UserUpdate::default() };
    world.keyward.update_user(&Caller::operator(), ANN, update).await.unwrap();
    let names = ["email", "email_verified", "phone_number", "phone_number_verified"];
    for (readable, told) in [
        (None, &names[..]),
        (Some(&["email"][..]), &names[..2]),
        (Some(&["phone_number", "name"]), &names[2..]),
        (Some(&["email_verified", "name"]), &names[1..2]),
        (Some(&["name"]), &[]),
    ] {
        let set = |settings: &mut AppClientSettings| {
            settings.read_attributes = readable.map(support::texts);
        };
        let (world, _) = world.through(NewSecret::None, set).await;
        let tokens = world.tokens().await;

        let renewed = world.refresh(&tokens).await.unwrap();
        for token in [&tokens.id_token, &renewed.id_token] {
            let claims = claims(token);
            let in_token: Vec<_> = names.into_iter().filter(|name| !claims[*name].is_null()).collect();
            assert_eq!(in_token, told);
            if !claims["email_verified"].is_null() {
                assert_eq!(claims["email_verified"], true);
            }
        }
        let (user, attributes) = world.keyward.own_attributes(&tokens.access_token).await.unwrap();
        assert_eq!(
            (user.username.as_str(), attributes.keys().map(|name| &**name).collect::<Vec<_>>()),
            (ANN, told.to_vec())
        );
    }
}
