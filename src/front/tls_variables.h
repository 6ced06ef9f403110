#pragma once
// What an app is told of a client's certificate: the names that Apache's mod_ssl gave them, and
// uWSGI's. Empty where the client showed none.
//
//   SSL_CLIENT_VERIFY (SUCCESS), SSL_CLIENT_S_DN and SSL_CLIENT_I_DN (RFC 2253),
//   SSL_CLIENT_M_SERIAL, SSL_CLIENT_FINGERPRINT (SHA-256), SSL_CLIENT_V_START, SSL_CLIENT_V_END;
//   HTTPS_DN ("/O=.../CN=..."), and the certificate as HTTPS_CC where https-export-cert says so

#include <string>
#include <utility>
#include <vector>

#include "tls/session.h"

namespace mew::front {

using TlsVariables = std::vector<std::pair<std::string, std::string>>;

TlsVariables tls_variables(const tls::Session& session, bool with_certificate);

}  // namespace mew::front
