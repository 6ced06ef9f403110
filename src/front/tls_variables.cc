#include "front/tls_variables.h"

namespace mew::front {

TlsVariables tls_variables(const tls::Session& session, bool with_certificate) {
    auto shown = session.client_certificate();
    if (!shown) return {};
    TlsVariables variables{{"SSL_CLIENT_VERIFY", std::string(session.verify())},
                           {"SSL_CLIENT_S_DN", std::move(shown->subject)},
                           {"SSL_CLIENT_I_DN", std::move(shown->issuer)},
                           {"SSL_CLIENT_M_SERIAL", std::move(shown->serial)},
                           {"SSL_CLIENT_FINGERPRINT", std::move(shown->fingerprint)},
                           {"SSL_CLIENT_V_START", std::move(shown->not_before)},
                           {"SSL_CLIENT_V_END", std::move(shown->not_after)},
                           {"HTTPS_DN", std::move(shown->subject_slashes)}};
    if (with_certificate) variables.emplace_back("HTTPS_CC", std::move(shown->pem));
    return variables;
}

}  // namespace mew::front
