#pragma once
// Known header field names, found without allocation by a table made at compile time. Codecs use it
// to recognise the fields that frame a message, bridges to take ready-made CGI keys.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mew::http {

// clang-format off
// Order is free; `unknown` must be first. The CGI key is HTTP_ + upper case with '_' for '-', but
// for Content-Type and Content-Length (RFC 3875 4.1).
#define MEW_FIELD_NAMES(X) \
    X(accept, "accept") X(accept_charset, "accept-charset") X(accept_encoding, "accept-encoding") \
    X(accept_language, "accept-language") X(accept_ranges, "accept-ranges") \
    X(access_control_request_headers, "access-control-request-headers") \
    X(access_control_request_method, "access-control-request-method") X(age, "age") \
    X(allow, "allow") X(authorization, "authorization") X(baggage, "baggage") \
    X(cache_control, "cache-control") X(cf_connecting_ip, "cf-connecting-ip") \
    X(connection, "connection") X(content_disposition, "content-disposition") \
    X(content_encoding, "content-encoding") X(content_language, "content-language") \
    X(content_length, "content-length") X(content_location, "content-location") \
    X(content_md5, "content-md5") X(content_range, "content-range") \
    X(content_security_policy, "content-security-policy") X(content_type, "content-type") \
    X(cookie, "cookie") X(date, "date") X(dnt, "dnt") X(early_data, "early-data") \
    X(etag, "etag") X(expect, "expect") X(expires, "expires") X(forwarded, "forwarded") \
    X(from, "from") X(host, "host") X(http2_settings, "http2-settings") X(if_match, "if-match") \
    X(if_modified_since, "if-modified-since") X(if_none_match, "if-none-match") \
    X(if_range, "if-range") X(if_unmodified_since, "if-unmodified-since") \
    X(keep_alive, "keep-alive") X(last_modified, "last-modified") X(link, "link") \
    X(location, "location") X(max_forwards, "max-forwards") X(origin, "origin") \
    X(pragma, "pragma") X(priority, "priority") X(proxy, "proxy") \
    X(proxy_authenticate, "proxy-authenticate") X(proxy_authorization, "proxy-authorization") \
    X(proxy_connection, "proxy-connection") X(purpose, "purpose") X(range, "range") \
    X(referer, "referer") X(retry_after, "retry-after") X(sec_ch_ua, "sec-ch-ua") \
    X(sec_ch_ua_mobile, "sec-ch-ua-mobile") X(sec_ch_ua_platform, "sec-ch-ua-platform") \
    X(sec_fetch_dest, "sec-fetch-dest") X(sec_fetch_mode, "sec-fetch-mode") \
    X(sec_fetch_site, "sec-fetch-site") X(sec_fetch_user, "sec-fetch-user") \
    X(sec_gpc, "sec-gpc") X(sec_websocket_accept, "sec-websocket-accept") \
    X(sec_websocket_extensions, "sec-websocket-extensions") \
    X(sec_websocket_key, "sec-websocket-key") X(sec_websocket_protocol, "sec-websocket-protocol") \
    X(sec_websocket_version, "sec-websocket-version") X(server, "server") \
    X(set_cookie, "set-cookie") X(strict_transport_security, "strict-transport-security") \
    X(te, "te") X(traceparent, "traceparent") X(tracestate, "tracestate") X(trailer, "trailer") \
    X(transfer_encoding, "transfer-encoding") X(upgrade, "upgrade") \
    X(upgrade_insecure_requests, "upgrade-insecure-requests") X(user_agent, "user-agent") \
    X(vary, "vary") X(via, "via") X(warning, "warning") X(www_authenticate, "www-authenticate") \
    X(x_api_key, "x-api-key") X(x_amzn_trace_id, "x-amzn-trace-id") \
    X(x_content_type_options, "x-content-type-options") \
    X(x_correlation_id, "x-correlation-id") X(x_csrf_token, "x-csrf-token") \
    X(x_csrftoken, "x-csrftoken") X(x_forwarded_for, "x-forwarded-for") \
    X(x_forwarded_host, "x-forwarded-host") X(x_forwarded_port, "x-forwarded-port") \
    X(x_forwarded_prefix, "x-forwarded-prefix") X(x_forwarded_proto, "x-forwarded-proto") \
    X(x_forwarded_ssl, "x-forwarded-ssl") X(x_frame_options, "x-frame-options") \
    X(x_http_method_override, "x-http-method-override") X(x_powered_by, "x-powered-by") \
    X(x_real_ip, "x-real-ip") X(x_request_id, "x-request-id") \
    X(x_requested_with, "x-requested-with") X(x_xss_protection, "x-xss-protection")
// clang-format on

enum class FieldName : std::uint16_t {
    unknown,
#define MEW_X(id, text) id,
    MEW_FIELD_NAMES(MEW_X)
#undef MEW_X
        count
};

inline constexpr std::size_t kFieldNames = static_cast<std::size_t>(FieldName::count);

// Any case; FieldName::unknown for names that are not in the list.
FieldName find_field_name(std::string_view name);
// Lower case; empty for `unknown`.
std::string_view field_text(FieldName name);

}  // namespace mew::http
