#pragma once
// Owners of OpenSSL's objects, and what its error queue says. For the sources of this module; what
// others include names none of OpenSSL's headers.

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace mew::tls {

template <auto Free>
struct FreeWith {
    template <class Object>
    void operator()(Object* object) const {
        Free(object);
    }
};

inline void free_names(STACK_OF(X509_NAME) * names) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
}

using BioHandle = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using CertificateHandle = std::unique_ptr<X509, FreeWith<X509_free>>;
using CipherHandle = std::unique_ptr<EVP_CIPHER, FreeWith<EVP_CIPHER_free>>;
using ContextHandle = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using NamesHandle = std::unique_ptr<STACK_OF(X509_NAME), FreeWith<free_names>>;
using StoreHandle = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;

// To be called before anything else of OpenSSL's: no configuration file is read, and what is loaded
// late by default is loaded now, for a front may open no file once it is confined.
void initialise();

// The first thing that went wrong, in OpenSSL's words ("no start line"); empties the queue.
std::string take_error();

// Bytes to be read; `bytes` must outlive it.
BioHandle memory_of(std::string_view bytes);

}  // namespace mew::tls
