#pragma once
// The certificates and ticket keys of the server, as the master has them: memory that it never
// looks into, what status tells of it, and who must hear when it changes.
//
//   start     a child reads the files; a mistake ends the start
//   change    the watcher hears of a file, or a generation is committed: a child reads all anew,
//             and every front gets it; a mistake keeps what was, and shows in log and status
//   tickets   new keys every 12 hours; sessions of the last two are resumed still
//
// Held by Holdings. Files are watched by a watcher of their own, with the master's privileges: the
// app's user may not even look into their folders.

#include <cstdint>
#include <string>
#include <vector>

#include "master/certificate_reader.h"
#include "master/state.h"
#include "master/watcher_handle.h"
#include "options/options.h"
#include "tls/material.h"

namespace mew::master {

struct Holdings;

class Certificates {
public:
    explicit Certificates(Holdings& holdings);
    ~Certificates();

    // Before the first front is; waits for the child.
    base::Result<void> start(const options::Options& options);
    // Those of the generation that is committed now: reads all anew.
    void apply(const options::Options& options, const std::string& why);
    // A file changed.
    void refresh(const std::string& why);
    // The server stops.
    void close();
    void reopen_log(int fd) { watcher_.reopen_log(fd); }

    void take_over(const state::Certificates& from, const options::Options& options);
    state::Certificates to_state() const;

    // For a front's boot; -1 and empty where no address speaks TLS.
    int memory() const { return memory_.get(); }
    std::string packed_keys() const;
    // For status: "" if the files that are there now are in use.
    const std::string& trouble() const { return trouble_; }
    const std::vector<CertificateFact>& facts() const { return facts_; }

private:
    void read(const std::string& why);
    void on_read(base::Result<ReadCertificates> read);
    void take(ReadCertificates read);
    void watch();
    void warn_of_expiry() const;
    void make_key(std::size_t place);
    void rotate();
    void schedule_rotation(base::MonotonicTime::duration left);

    Holdings& holdings_;
    CertificateReader reader_;
    WatcherHandle watcher_;
    options::Options options_;
    os::Fd memory_;
    std::vector<CertificateFact> facts_;
    std::vector<std::string> paths_;
    std::string trouble_;
    std::int64_t read_at_ = 0;  // by the clock of files
    std::string why_;           // of the reading that runs
    std::string again_;         // not empty: why it must be done once more
    tls::TicketKeys keys_;
    base::MonotonicTime rotation_due_;
    net::TimerId rotation_ = 0;
};

}  // namespace mew::master
