# RawScribe's commands, each a call of Keyward's command line: make rs-list-test-users ENV=stage ORG=myorg
#
# Each ENV-ORG has a profile of its own; `keyward setup URL --profile stage-myorg` says once which server it means.
# Who acts is ADMIN_USER with ADMIN_PASSWORD or ADMIN_PASSWORD_FILE; when nobody is named, who is signed in with the
# profile, and when nobody is, the test admin.
#
# A password (PASSWORD, PASSWORD_FILE, or typed when asked for) may have any characters: what is given is handed to
# the program as it is, in the environment, and never expanded by make, read by a shell, or shown among the processes.

SHELL := bash
RS_FOLDER := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
KEYWARD ?= $(firstword $(wildcard $(RS_FOLDER)target/release/keyward $(RS_FOLDER)target/debug/keyward) keyward)
ENV ?= dev
# Of the test users.
RS_TEST_ADMIN := testadmin@example.com
RS_TEST_ADMIN_PASSWORD := TestAdmin123!

RS_TARGETS := get-rs-token rs-create-test-users rs-list-test-users rs-remove-test-users rs-secure-prod rs-add-user \
	rs-show-user rs-set-password rs-set-group rs-list-groups rs-remove-user rs-show-runtime-config
.PHONY: $(RS_TARGETS)

# On its way to a recipe's environment make would expand it.
unexport ENV ORG USER_NAME PASSWORD PASSWORD_FILE GROUP ADMIN_USER ADMIN_PASSWORD ADMIN_PASSWORD_FILE
$(RS_TARGETS): export KEYWARD_PROFILE = $(value ENV)-$(value ORG)
$(RS_TARGETS): export RS_ENV = $(value ENV)
$(RS_TARGETS): export RS_USER = $(value USER_NAME)
$(RS_TARGETS): export RS_PASSWORD = $(value PASSWORD)
$(RS_TARGETS): export RS_PASSWORD_FILE = $(value PASSWORD_FILE)
$(RS_TARGETS): export RS_GROUP = $(or $(value GROUP),RESEARCHERS)
$(RS_TARGETS): export RS_ADMIN = $(or $(value ADMIN_USER),$(RS_TEST_ADMIN))
$(RS_TARGETS): export RS_ADMIN_PASSWORD = $(or $(value ADMIN_PASSWORD),$(if $(value ADMIN_USER),,$(RS_TEST_ADMIN_PASSWORD)))
$(RS_TARGETS): export RS_ADMIN_PASSWORD_FILE = $(value ADMIN_PASSWORD_FILE)

# $(call rs_need,NAMES): fails unless all of these variables are given.
rs_need = $(foreach name,$1,$(if $(value $(name)),,$(error ❌ $(name) is required. Usage: make $@ $(foreach each,$1,$(each)=...))))

# Where the program finds the password; it asks for it when it is told nothing.
rs_password = $(if $(value PASSWORD),--password-env=RS_PASSWORD,$(if \
	$(value PASSWORD_FILE),--password-file="$$RS_PASSWORD_FILE"))
rs_admin_password = $(if $(value ADMIN_PASSWORD_FILE),--password-file="$$RS_ADMIN_PASSWORD_FILE",$(if \
	$(value ADMIN_PASSWORD)$(if $(value ADMIN_USER),,x),--password-env=RS_ADMIN_PASSWORD))

# Makes sure that somebody is signed in who is meant to act; says something when that fails, or must be asked for.
rs_login = "$(KEYWARD)" auth login --username="$$RS_ADMIN" $(rs_admin_password)
rs_quietly = { said=$$($(rs_login) 2>&1) || { printf '%s\n' "$$said" $1 >&2; exit 1; }; }
rs_nobody = "❌ Nobody is signed in with the profile $$KEYWARD_PROFILE, and the test admin can't be: give ADMIN_USER \
	and ADMIN_PASSWORD, or run keyward auth login --profile $$KEYWARD_PROFILE; the first admin of all is made at the \
	machine, by BOOTSTRAP=true"
rs_instead = "Nobody is signed in with the profile $$KEYWARD_PROFILE, and the test admin can't be (ADMIN_USER and \
	ADMIN_PASSWORD name somebody else): they are made at the machine itself."
rs_signed_in = "$(KEYWARD)" auth status --check >/dev/null 2>&1
rs_admin = $(if $(value ADMIN_USER),$(if $(rs_admin_password),$(rs_quietly),$(rs_login) >&2),$(rs_signed_in) \
	|| $(call rs_quietly,$(rs_nobody)))
rs_make = "$(KEYWARD)" test-users create
rs_at_machine = KEYWARD_ENV="$$RS_ENV" "$(KEYWARD)" admin create-test-users --check-server

get-rs-token: ## Print an ID token: ENV ORG USER_NAME PASSWORD
	@$(call rs_need,ENV ORG USER_NAME)"$(KEYWARD)" token --username="$$RS_USER" $(rs_password)

# When nobody can sign in yet, or with BOOTSTRAP=true, they are made at the machine itself, on the data folder of the
# profile's server (KEYWARD_DATA_DIR).
rs-create-test-users: ## Make or repair the test users and show their passwords: ENV ORG [BOOTSTRAP=true]
	@$(call rs_need,ENV ORG)$(if $(filter true,$(value BOOTSTRAP)),$(rs_at_machine),$(if $(value ADMIN_USER),$(rs_admin) \
		&& $(rs_make),if $(rs_signed_in) || $(rs_login) >/dev/null 2>&1; then $(rs_make); else \
		printf '%s\n' $(rs_instead) >&2; $(rs_at_machine); fi))

rs-list-test-users: ## List the test users with their passwords: ENV ORG
	@$(call rs_need,ENV ORG)$(rs_admin)
	@"$(KEYWARD)" test-users list

rs-remove-test-users: ## Delete the test users: ENV ORG
	@$(call rs_need,ENV ORG)$(rs_admin)
	@"$(KEYWARD)" test-users remove

rs-secure-prod: ## Delete the test users, give the admins new passwords: ENV ORG [CONFIRM=yes] [PLAN=true]
	@$(call rs_need,ENV ORG)$(if $(filter stage prod,$(value ENV)),,$(error ❌ $@ only for stage/prod environments))$(rs_admin)
	@"$(KEYWARD)" secure-production $(if $(filter true,$(value PLAN)),--plan,$(if $(filter yes,$(value CONFIRM)),--yes))

# With BOOTSTRAP=true at the machine itself, when nobody can sign in who may.
rs-add-user: ## Make a user with a password for good: ENV ORG USER_NAME PASSWORD [GROUP=RESEARCHERS] [BOOTSTRAP=true]
	@$(call rs_need,ENV ORG USER_NAME)$(if $(filter true,$(value BOOTSTRAP)),,$(rs_admin))
	@$(if $(filter true,$(value BOOTSTRAP)),KEYWARD_ENV="$$RS_ENV" "$(KEYWARD)" admin create-user --check-server \
		--user="$$RS_USER" $(rs_password),"$(KEYWARD)" user create --user-id="$$RS_USER" --email="$$RS_USER" \
		$(or $(rs_password),--password-prompt)) --role="$$RS_GROUP"

rs-show-user: ## Show a user: ENV ORG USER_NAME
	@$(call rs_need,ENV ORG USER_NAME)$(rs_admin)
	@"$(KEYWARD)" user show --user-id="$$RS_USER"

rs-set-password: ## Give a user a password for good: ENV ORG USER_NAME PASSWORD
	@$(call rs_need,ENV ORG USER_NAME)$(rs_admin)
	@"$(KEYWARD)" user set-password --user-id="$$RS_USER" $(rs_password)

rs-set-group: ## Make a user's groups this one alone: ENV ORG USER_NAME GROUP
	@$(call rs_need,ENV ORG USER_NAME GROUP)$(rs_admin)
	@"$(KEYWARD)" role user update --existing --user-id="$$RS_USER" --role-name="$$RS_GROUP"

rs-list-groups: ## List the groups and what they permit: ENV ORG
	@$(call rs_need,ENV ORG)$(rs_admin)
	@"$(KEYWARD)" role list

rs-remove-user: ## Delete a user: ENV ORG USER_NAME
	@$(call rs_need,ENV ORG USER_NAME)$(rs_admin)
	@"$(KEYWARD)" user delete --user-id="$$RS_USER" --confirm

rs-show-runtime-config: ## Show where applications sign in: ENV ORG
	@$(call rs_need,ENV ORG)"$(KEYWARD)" runtime-config
