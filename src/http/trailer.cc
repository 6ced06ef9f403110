#include "http/trailer.h"

namespace mew::http {

bool is_forbidden_trailer(FieldName name) {
    switch (name) {
        case FieldName::transfer_encoding:
        case FieldName::content_length:
        case FieldName::host:
        case FieldName::connection:
        case FieldName::te:
        case FieldName::trailer:
        case FieldName::upgrade:
        case FieldName::keep_alive:
        case FieldName::proxy_connection:
        case FieldName::expect:
        case FieldName::max_forwards:
        case FieldName::authorization:
        case FieldName::proxy_authorization:
        case FieldName::www_authenticate:
        case FieldName::proxy_authenticate:
        case FieldName::cookie:
        case FieldName::set_cookie:
        case FieldName::content_encoding:
        case FieldName::content_type:
        case FieldName::content_range:
        case FieldName::range:
        case FieldName::forwarded:
        case FieldName::x_forwarded_for:
        case FieldName::x_forwarded_host:
        case FieldName::x_forwarded_port:
        case FieldName::x_forwarded_prefix:
        case FieldName::x_forwarded_proto:
        case FieldName::x_forwarded_ssl:
        case FieldName::x_real_ip:
            return true;
        default:
            return false;
    }
}

}  // namespace mew::http
