//! Defects that are planted in a sound Envoy, each with what it breaks.

/// A defect: its name, what is replaced by what, and what must be found.
pub struct Planted {
    pub name: &'static str,
    pub changes: &'static [(&'static str, &'static str)],
    pub object: &'static str,
    pub breaks: &'static str,
}

/// Lua that takes the tenant from the client, where it names one.
const CLIENT_FIRST: &str = r#"- name: tenant
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  function envoy_on_request(handle)
                    local named = handle:headers():get("x-tenant-id")
                    local claims = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
                    if named == nil and claims ~= nil then
                      handle:headers():add("x-tenant-id", claims["claims"]["tenant"] or "beta")
                    end
                  end"#;

/// Lua that adds the tenant of the token to what the client sent.
const BESIDE: &str = r#"- name: tenant
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  function envoy_on_request(handle)
                    local claims = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
                    if claims ~= nil then
                      handle:headers():add("x-tenant-id", claims["claims"]["tenant"])
                    end
                  end"#;

/// Lua that believes what a token says, and looks at no signature.
const READS_ALONE: &str = r#"- name: tokens
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  function envoy_on_request(handle)
                    local word = handle:headers():get("authorization")
                    if word == nil or not word:find("^Bearer [%w_-]+%.[%w_-]+%.") then
                      handle:respond({[":status"] = "401"}, "")
                      return
                    end
                    local bits, text = {}, word:match("^Bearer [%w_-]+%.([%w_-]+)%.")
                    local all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                    local number, count, out = 0, 0, ""
                    for i = 1, #text do
                      number = number * 64 + all:find(text:sub(i, i), 1, true) - 1
                      count = count + 6
                      if count >= 8 then
                        count = count - 8
                        local high = math.floor(number / 2 ^ count)
                        out = out .. string.char(high)
                        number = number - high * 2 ^ count
                      end
                    end
                    handle:headers():replace("x-tenant-id", out:match('"tenant":"([a-z]+)"') or "")
                    if out:match('"tenant":"([a-z]+)"') == nil then
                      handle:respond({[":status"] = "401"}, "")
                    end
                  end
          - name: unused"#;

/// A token that fails counts as none, and none is needed.
const OR_FAILED: &str =
    "requires: { requires_any: { requirements: [{ provider_name: idp }, { allow_missing_or_failed: {} }] } }";

/// Takes away what clients say of a tenant.
const STRIP: &str = r#"- name: strip
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
              mutations: { request_mutations: [{ remove: x-tenant-id }] }"#;

/// What demands a tenant of a token.
const DEMANDS_TENANT: &str = r#"                        - sourced_metadata:
                            metadata_matcher:
                              filter: envoy.filters.http.jwt_authn
                              path: [{ key: claims }, { key: tenant }]
                              value: { string_match: { safe_regex: { regex: "[a-z]+" } } }
"#;

/// A second listener, without TLS.
pub const SIDE: &str = "- name: side
    address: { socket_address: { address: 127.0.0.1, port_value: SIDE } }
    filter_chains: [{ filters: *filters }]";

/// The tenant of the token is put nowhere.
const CLAIM_HEADER: (&str, &str) =
    ("claim_to_headers: [{ header_name: x-tenant-id, claim_name: tenant }]", "failed_status_in_metadata: failed");
const SKIP_TENANT: (&str, &str) = ("{ safe_regex: { regex: \"[a-z]+\" } }", "{ safe_regex: { regex: \".*\" } }");
const MARK_AFTER: &str = "# after tokens";

pub const PLANTED: &[Planted] = &[
    Planted {
        name: "no audience",
        changes: &[("audiences: [switchboard]", "audiences: []")],
        object: "token, audience",
        breaks: "IDN-01",
    },
    Planted {
        name: "any issuer",
        changes: &[("issuer: https://idp.example", "issuer: ''")],
        object: "token, issuer",
        breaks: "IDN-01",
    },
    Planted {
        name: "a clock ten days wide",
        changes: &[("clock_skew_seconds: 30", "clock_skew_seconds: 864000")],
        object: "token, exp and nbf",
        breaks: "IDN-01",
    },
    Planted {
        name: "a clock five minutes wide",
        changes: &[("clock_skew_seconds: 30", "clock_skew_seconds: 300")],
        object: "token, exp and nbf",
        breaks: "IDN-01",
    },
    Planted {
        name: "no expiry",
        changes: &[("require_expiration: true", "require_expiration: false"), ("max_lifetime: 3600s", "")],
        object: "token, exp",
        breaks: "IDN-01",
    },
    Planted {
        name: "any lifetime",
        changes: &[("max_lifetime: 3600s", "")],
        object: "token, lifetime",
        breaks: "IDN-02",
    },
    Planted {
        name: "the retired key is still there",
        changes: &[("[JWKS]", "[JWKS, RETIRED]")],
        object: "token, retired key",
        breaks: "IDN-04",
    },
    Planted {
        name: "another issuer's key is there",
        changes: &[("[JWKS]", "[JWKS, FOREIGN]")],
        object: "token, foreign key",
        breaks: "IDN-01",
    },
    Planted {
        name: "tokens are optional",
        changes: &[
            (
                "requires: { provider_name: idp }",
                "requires: { requires_any: { requirements: [{ provider_name: idp }, { allow_missing: {} }] } }",
            ),
            ("and_ids:", "or_ids:"),
        ],
        object: "token, presence",
        breaks: "IDN-01",
    },
    Planted {
        name: "a token that fails is as good as none",
        changes: &[("requires: { provider_name: idp }", OR_FAILED), ("and_ids:", "or_ids:")],
        object: "token, presence",
        breaks: "IDN-01",
    },
    Planted {
        name: "claims are read and signatures are not",
        changes: &[
            ("- name: tokens", READS_ALONE),
            ("requires: { provider_name: idp }", "requires: { allow_missing_or_failed: {} }"),
            ("and_ids:", "or_ids:"),
        ],
        object: "token, signature",
        breaks: "IDN-01",
    },
    Planted {
        name: "the client's tenant comes first",
        changes: &[CLAIM_HEADER, (MARK_AFTER, CLIENT_FIRST)],
        object: "header x-tenant-id",
        breaks: "TEN-01",
    },
    Planted {
        name: "the client's tenant stays beside",
        changes: &[CLAIM_HEADER, (MARK_AFTER, BESIDE)],
        object: "header x-tenant-id",
        breaks: "TEN-01",
    },
    Planted {
        name: "a default tenant",
        changes: &[CLAIM_HEADER, (MARK_AFTER, CLIENT_FIRST), ("# before tokens", STRIP), (DEMANDS_TENANT, "")],
        object: "token, tenant claim",
        breaks: "TEN-01",
    },
    Planted {
        name: "an empty tenant is one",
        changes: &[SKIP_TENANT],
        object: "token, tenant claim",
        breaks: "TEN-01",
    },
    Planted {
        name: "any region",
        changes: &[("{ exact: eu-west }", "{ safe_regex: { regex: \".*\" } }")],
        object: "token, region claim",
        breaks: "POL-06",
    },
    Planted {
        name: "answers show no tenant",
        changes: &[("header: { key: x-tenant-id,", "header: { key: x-somebody,")],
        object: "answers, headers",
        breaks: "TEN-07",
    },
    Planted {
        name: "administrators' paths are anybody's",
        changes: &[("prefix: /admin", "prefix: /nowhere")],
        object: "path /admin/tenants",
        breaks: "IDN-08",
    },
    Planted {
        name: "paths as they come",
        changes: &[("normalize_path: true", "normalize_path: false")],
        object: "path /admin/tenants, spellings",
        breaks: "SRV-11",
    },
    Planted {
        name: "two slashes are two",
        changes: &[("merge_slashes: true", "merge_slashes: false")],
        object: "path /admin/tenants, spellings",
        breaks: "SRV-11",
    },
    Planted {
        name: "encoded slashes are passed on",
        changes: &[("REJECT_REQUEST\n          forward", "KEEP_UNCHANGED\n          forward")],
        object: "path /admin/tenants, spellings",
        breaks: "SRV-11",
    },
    Planted {
        name: "any host, and two at once",
        changes: &[("domains: [\"127.0.0.1:EDGE\"]", "domains: [\"*\"]")],
        object: "requests, host",
        breaks: "SRV-11",
    },
    Planted {
        name: "headers of any size",
        changes: &[("max_request_headers_kb: 60", "max_request_headers_kb: 1024")],
        object: "requests, size",
        breaks: "SRV-11",
    },
    Planted {
        name: "headers without number",
        changes: &[
            ("{ headers_with_underscores_action", "{ max_headers_count: 10000, headers_with_underscores_action"),
            ("max_request_headers_kb: 60", "max_request_headers_kb: 96"),
        ],
        object: "requests, size",
        breaks: "SRV-11",
    },
    Planted {
        name: "clients speak of certificates",
        changes: &[("forward_client_cert_details: SANITIZE", "forward_client_cert_details: ALWAYS_FORWARD_ONLY")],
        object: "header x-forwarded-client-cert",
        breaks: "SRV-11",
    },
    Planted {
        name: "TLS 1.2",
        changes: &[("tls_minimum_protocol_version: TLSv1_3", "tls_minimum_protocol_version: TLSv1_2")],
        object: "listener, TLS version",
        breaks: "IDN-07",
    },
    Planted {
        name: "no client certificate",
        changes: &[("require_client_certificate: true", "require_client_certificate: false")],
        object: "listener, client certificate",
        breaks: "IDN-05",
    },
    Planted {
        name: "any client certificate",
        changes: &[(
            "validation_context:",
            "validation_context:\n              trust_chain_verification: ACCEPT_UNTRUSTED",
        )],
        object: "listener, client certificate",
        breaks: "IDN-05",
    },
    Planted {
        name: "a second door in clear text",
        changes: &[("# more listeners", SIDE)],
        object: "listener without TLS",
        breaks: "IDN-07",
    },
];

/// Defects that only load shows.
pub const UNDER_LOAD: &[Planted] = &[
    Planted {
        name: "no limit",
        changes: &[("max_tokens: 50, tokens_per_fill: 50", "max_tokens: 5000, tokens_per_fill: 5000")],
        object: "rate limit",
        breaks: "SRV-04",
    },
    Planted {
        name: "one limit for all",
        changes: &[
            ("max_tokens: 50, tokens_per_fill: 50", "max_tokens: 5000, tokens_per_fill: 5000"),
            ("max_tokens: 100000, tokens_per_fill: 100000", "max_tokens: 50, tokens_per_fill: 50"),
        ],
        object: "rate limit",
        breaks: "SRV-04",
    },
    Planted {
        name: "a limit that does not say when",
        changes: &[("key: retry-after", "key: x-nothing")],
        object: "rate limit",
        breaks: "SRV-04",
    },
];

/// Defects of a HAProxy: what is replaced by what, and what must be found.
pub const OTHER_STYLE: &[Planted] = &[
    Planted {
        name: "what comes is passed on, NUL too",
        changes: &[("    http-request deny deny_status 400 if { req.hdrs -m reg '[\\x00]' }\n", "")],
        object: "requests, form",
        breaks: "SRV-11",
    },
    Planted {
        name: "upgrades are passed on",
        changes: &[("    http-request deny deny_status 403 if { req.hdr(upgrade) -m found }\n", "")],
        object: "requests, upgrade",
        breaks: "SRV-11",
    },
    Planted {
        name: "the tenant is added to what the client sent",
        changes: &[("http-request set-header x-tenant-id", "http-request add-header x-tenant-id")],
        object: "header x-tenant-id",
        breaks: "TEN-01",
    },
    Planted {
        name: "expiry is not looked at",
        changes: &[("    http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }\n", "")],
        object: "token, exp and nbf",
        breaks: "IDN-01",
    },
    Planted {
        name: "the path is judged as it is written",
        changes: &[("deny_status 403 unless { path /v1/query }", "deny_status 403 if { path_beg /admin }")],
        object: "path /admin/tenants, spellings",
        breaks: "SRV-11",
    },
    Planted {
        name: "one limit for all",
        changes: &[("track-sc0 var(txn.tenant)", "track-sc0 str(all)")],
        object: "rate limit",
        breaks: "SRV-04",
    },
];

/// Defects of the filter chain that an Envoy has for HTTP/2 alone.
pub const IN_HTTP2: &[Planted] = &[
    Planted {
        name: "tokens are optional",
        changes: &[("requires: { provider_name: idp }", OR_FAILED), ("and_ids:", "or_ids:")],
        object: "token, presence",
        breaks: "IDN-01",
    },
    Planted {
        name: "no audience",
        changes: &[("audiences: [switchboard]", "audiences: []")],
        object: "token, audience",
        breaks: "IDN-01",
    },
    Planted {
        name: "the client's tenant comes first",
        changes: &[CLAIM_HEADER, (MARK_AFTER, CLIENT_FIRST)],
        object: "header x-tenant-id",
        breaks: "TEN-01",
    },
    Planted {
        name: "administrators' paths are anybody's",
        changes: &[("prefix: /admin", "prefix: /nowhere")],
        object: "path /admin/tenants",
        breaks: "IDN-08",
    },
    Planted {
        name: "paths as they come",
        changes: &[("normalize_path: true", "normalize_path: false")],
        object: "path /admin/tenants, spellings",
        breaks: "SRV-11",
    },
    Planted {
        name: "TLS 1.2",
        changes: &[("tls_minimum_protocol_version: TLSv1_3", "tls_minimum_protocol_version: TLSv1_2")],
        object: "listener, TLS version",
        breaks: "IDN-07",
    },
    Planted {
        name: "no client certificate",
        changes: &[("require_client_certificate: true", "require_client_certificate: false")],
        object: "listener, client certificate",
        breaks: "IDN-05",
    },
];

/// Rules of a HAProxy that say HTTP/1.1 and mean every request.
pub const IN_HTTP2_OTHER_STYLE: &[Planted] = &[
    Planted {
        name: "the tenant is set in one protocol alone",
        changes: &[(
            "set-header x-tenant-id %[var(txn.tenant)]\n    # limits",
            "set-header x-tenant-id \
            %[var(txn.tenant)] if { req.ver 1.1 }\n    # limits",
        )],
        object: "header x-tenant-id",
        breaks: "TEN-01",
    },
    Planted {
        name: "signatures are verified in one protocol alone",
        changes: &[(
            "unless { var(txn.bearer),jwt_verify(txn.alg,\"HOME/issuer.pub\") -m int 1 }",
            "unless { var(txn.bearer),jwt_verify(txn.alg,\"HOME/issuer.pub\") -m int 1 } || !{ req.ver 1.1 }",
        )],
        object: "token, signature",
        breaks: "IDN-01",
    },
    Planted {
        name: "paths are named in one protocol alone",
        changes: &[("unless { path /v1/query }", "unless { path /v1/query } || !{ req.ver 1.1 }")],
        object: "path /admin/tenants",
        breaks: "IDN-08",
    },
    Planted {
        name: "limits hold in one protocol alone",
        changes: &[("if { sc_http_req_rate(0) gt 50 }", "if { sc_http_req_rate(0) gt 50 } { req.ver 1.1 }")],
        object: "rate limit",
        breaks: "SRV-04",
    },
];
