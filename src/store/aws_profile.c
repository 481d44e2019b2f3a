/* ~/.aws/config and ~/.aws/credentials (AWS SDKs and Tools Reference Guide, "Shared config and
 * credentials files"), and the credentials of a profile. */
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "store/aws.h"

enum { FILE_MAX = 1024 * 1024, CHAIN_MAX = 8, PROCESS_TIMEOUT_MS = 60000 };

/* ---- the files ---- */

struct section {
    assay_value *profile; /* where keys go; NULL = a section that does not matter */
};

static char *trimmed(assay_arena *arena, const char *from, const char *to)
{
    while (from < to && strchr(" \t\r", *from) != NULL)
        from++;
    while (to > from && strchr(" \t\r", to[-1]) != NULL)
        to--;
    return assay_arena_text_n(arena, from, (size_t)(to - from));
}

/* "profile x" (configuration) or "x" (credentials) -> x; NULL for sso-session, services .. */
static const char *profile_name(const char *title, bool is_config)
{
    if (!is_config || assay_str_equal(title, "default"))
        return title;
    if (!assay_str_starts(title, "profile ") && !assay_str_starts(title, "profile\t"))
        return NULL;
    title += strlen("profile ");
    return title + strspn(title, " \t");
}

static assay_status open_section(const char *from, const char *to, bool is_config,
                                 assay_arena *arena, assay_value *profiles, struct section *section,
                                 assay_error *err)
{
    const char *close = memchr(from, ']', (size_t)(to - from));

    section->profile = NULL;
    if (close == NULL)
        return ASSAY_OK;
    const char *title = trimmed(arena, from + 1, close);
    ASSAY_TRY(assay_arena_check(title, err));
    const char *name = profile_name(title, is_config);
    if (name == NULL)
        return ASSAY_OK;
    section->profile = assay_value_find(profiles, name);
    if (section->profile != NULL)
        return ASSAY_OK;
    section->profile = assay_value_map(arena);
    return assay_value_set(profiles, name, section->profile, arena, err);
}

/* "key = value"; a '#' or ';' with a blank before it begins a comment. */
static assay_status read_pair(const char *from, const char *to, assay_arena *arena,
                              const struct section *section, assay_error *err)
{
    const char *equals = memchr(from, '=', (size_t)(to - from));

    if (section->profile == NULL || equals == NULL)
        return ASSAY_OK;
    for (const char *at = equals + 1; at + 1 < to; at++) {
        if ((*at == ' ' || *at == '\t') && (at[1] == '#' || at[1] == ';')) {
            to = at;
            break;
        }
    }
    char *key = trimmed(arena, from, equals);
    char *value = trimmed(arena, equals + 1, to);
    if (key == NULL || value == NULL)
        return assay_error_nomem(err);
    return assay_value_set(section->profile, key, assay_value_text(arena, value), arena, err);
}

assay_status assay_aws_profile_parse(const char *text, size_t size, bool is_config,
                                     assay_arena *arena, assay_value *profiles, assay_error *err)
{
    struct section section = {NULL};
    const char *end = text + size;

    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *to = newline != NULL ? newline : end;

        if (*line == '[')
            ASSAY_TRY(open_section(line, to, is_config, arena, profiles, &section, err));
        else if (line < to &&
                 strchr(" \t\r#;", *line) == NULL) /* a blank: belongs to the key before */
            ASSAY_TRY(read_pair(line, to, arena, &section, err));
        line = to + 1;
    }
    return ASSAY_OK;
}

static assay_status read_file(assay_aws *aws, const char *variable, const char *usual,
                              bool is_config, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const char *home = assay_aws_variable("HOME");
    const char *path = assay_aws_variable(variable);
    assay_path_info info;

    if (path == NULL)
        path = home != NULL ? assay_path_join(aws->arena, home, usual) : "";
    ASSAY_TRY(assay_arena_check(path, err));
    if (path[0] == '\0')
        return ASSAY_OK;
    ASSAY_TRY(assay_path_stat(path, &info, err));
    if (!info.exists)
        return ASSAY_OK;
    ASSAY_TRY(assay_path_read(path, FILE_MAX, &text, err));
    return assay_aws_profile_parse(assay_buf_text(&text), text.size, is_config, aws->arena,
                                   aws->profiles, err);
}

assay_status assay_aws_profiles_read(assay_aws *aws, assay_error *err)
{
    if (aws->profiles != NULL)
        return ASSAY_OK;
    aws->profiles = assay_value_map(aws->arena);
    ASSAY_TRY(assay_arena_check(aws->profiles, err));
    ASSAY_TRY(read_file(aws, "AWS_CONFIG_FILE", ".aws/config", true, err));
    return read_file(aws, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", false, err);
}

/* ---- the credentials of a profile ---- */

static assay_status fail_profile(const char *name, const char *what, assay_error *err)
{
    return assay_error_set(err, ASSAY_EAUTH, 1264, "AWS profile '%s': %s", name, what);
}

static assay_status fail_sso(const char *name, assay_error *err)
{
    return assay_error_set(
        err, ASSAY_EAUTH, 1264,
        "AWS profile '%s' logs in through IAM Identity Center, which assay leaves to the AWS CLI: "
        "run `aws sso login --profile %s`, add to ~/.aws/config a profile of the one line "
        "`credential_process = aws configure export-credentials --profile %s`, and name that one "
        "by "
        "AWS_PROFILE or by `profile` of the connection",
        name, name, name);
}

static assay_status resolve(assay_aws *aws, const char *name, int depth, bool may_assume,
                            bool *ret_found, assay_aws_credentials *ret_credentials,
                            assay_error *err);

static assay_status from_credential_source(assay_aws *aws, const char *name, const char *source,
                                           assay_aws_credentials *ret_credentials, assay_error *err)
{
    static const struct {
        const char *name;
        assay_aws_source *get;
    } sources[] = {
        {"Environment", assay_aws_from_environment},
        {"EcsContainer", assay_aws_from_container},
        {"Ec2InstanceMetadata", assay_aws_from_instance},
    };
    bool found = false;

    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        if (assay_str_equal(sources[i].name, source))
            ASSAY_TRY(sources[i].get(aws, &found, ret_credentials, err));
    return found ? ASSAY_OK : fail_profile(name, "its credential_source gives nothing", err);
}

static assay_status get_signer(assay_aws *aws, const char *name, const assay_value *profile,
                               int depth, assay_aws_credentials *ret_signer, assay_error *err)
{
    const char *other = assay_value_find_text(profile, "source_profile", NULL);
    const char *source = assay_value_find_text(profile, "credential_source", NULL);
    bool found = false;

    if (source != NULL)
        return from_credential_source(aws, name, source, ret_signer, err);
    if (other == NULL)
        return fail_profile(name, "role_arn needs source_profile or credential_source", err);
    /* A profile that names itself has keys of its own. */
    ASSAY_TRY(
        resolve(aws, other, depth + 1, !assay_str_equal(other, name), &found, ret_signer, err));
    return found ? ASSAY_OK : fail_profile(other, "it has no credentials", err);
}

static assay_status assume(assay_aws *aws, const char *name, const assay_value *profile, int depth,
                           assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_AUTO(assay_aws_credentials_done) assay_aws_credentials signer = {0};
    assay_aws_role role = {.arn = assay_value_find_text(profile, "role_arn", NULL),
                           .session_name =
                               assay_value_find_text(profile, "role_session_name", NULL),
                           .external_id = assay_value_find_text(profile, "external_id", NULL),
                           .duration = assay_value_find_text(profile, "duration_seconds", NULL),
                           .token_file =
                               assay_value_find_text(profile, "web_identity_token_file", NULL),
                           .region = assay_value_find_text(profile, "region", NULL)};

    if (assay_value_find(profile, "mfa_serial") != NULL)
        return fail_profile(name, "roles with mfa_serial need a person", err);
    if (role.token_file == NULL) {
        ASSAY_TRY(get_signer(aws, name, profile, depth, &signer, err));
        role.signer = &signer;
    }
    return assay_aws_assume(aws, &role, ret_credentials, err);
}

static assay_status run_process(const assay_aws *aws, const char *command,
                                assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf output = ASSAY_BUF_EMPTY;

    ASSAY_TRY(assay_aws_command(command, assay_aws_time_ms(aws, PROCESS_TIMEOUT_MS), &output, err));
    return assay_aws_credentials_parse(assay_buf_text(&output), output.size, "credential_process",
                                       ret_credentials, err);
}

static assay_status resolve(assay_aws *aws, const char *name, int depth, bool may_assume,
                            bool *ret_found, assay_aws_credentials *ret_credentials,
                            assay_error *err)
{
    const assay_value *profile = assay_value_find(aws->profiles, name);
    const char *key_id = assay_value_find_text(profile, "aws_access_key_id", NULL);
    const char *secret_key = assay_value_find_text(profile, "aws_secret_access_key", NULL);
    const char *process = assay_value_find_text(profile, "credential_process", NULL);

    *ret_found = true;
    if (profile == NULL && (aws->profile_named || depth > 0))
        return fail_profile(name, "there is no such profile", err);
    if (depth > CHAIN_MAX)
        return fail_profile(name, "its source_profile leads round in a circle", err);
    if (may_assume && assay_value_find(profile, "role_arn") != NULL)
        return assume(aws, name, profile, depth, ret_credentials, err);
    if (key_id != NULL && secret_key != NULL)
        return assay_aws_credentials_make(key_id, secret_key,
                                          assay_value_find_text(profile, "aws_session_token", NULL),
                                          "profile", ret_credentials, err);
    if (key_id != NULL || secret_key != NULL)
        return fail_profile(name, "it has one half of a key only", err);
    if (process != NULL)
        return run_process(aws, process, ret_credentials, err);
    if (assay_value_find(profile, "sso_session") != NULL ||
        assay_value_find(profile, "sso_start_url") != NULL)
        return fail_sso(name, err);
    *ret_found = false;
    return ASSAY_OK;
}

assay_status assay_aws_from_profile(assay_aws *aws, bool *ret_found,
                                    assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_TRY(assay_aws_profiles_read(aws, err));
    return resolve(aws, aws->profile, 0, true, ret_found, ret_credentials, err);
}
