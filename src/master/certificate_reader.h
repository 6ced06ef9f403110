#pragma once
// Reads certificates and keys in a child, so that the master itself opens no file and sees no key:
// the child fills a piece of memory (tls::Material) that the master hands on to fronts unread, and
// tells on its standard output what the master must know. It keeps the master's privileges, since
// keys are root's alone. An error is one sentence.
//
// At the start the master waits for it (read_now); later it is an errand like others.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "master/errand.h"
#include "options/options.h"
#include "os/fd.h"

namespace mew::master {

// For status and the log.
struct CertificateFact {
    std::string source;        // its file
    std::string names;         // "a.example, *.b.example"; empty: the default of its address
    std::int64_t expires = 0;  // unix seconds

    bool operator==(const CertificateFact&) const = default;
};

struct ReadCertificates {
    os::Fd memory;
    std::vector<CertificateFact> facts;
    std::vector<std::string> paths;  // of all that was read: a change of one is one of the whole
};

// Does any address of these speak TLS?
bool wants_certificates(const options::Options& options);

class CertificateReader {
public:
    using Done = std::function<void(base::Result<ReadCertificates>)>;

    CertificateReader(net::EventLoop& loop, Children& children) : errand_(loop, children) {}

    // `before`: the memory that was read last, or -1: a certificate of https-dev is kept.
    static base::Result<ReadCertificates> read_now(const options::Options& options);
    // One at a time.
    base::Result<void> start(const options::Options& options, int before, Done done);
    void cancel() { errand_.cancel(); }
    bool running() const { return errand_.running(); }

private:
    Errand errand_;
};

}  // namespace mew::master
