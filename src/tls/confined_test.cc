// What OpenSSL asks of the kernel once a front is confined: in a child, for it is never taken off.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include <gtest/gtest.h>

#include "os/seccomp.h"
#include "tls/test_client.h"

namespace mew::tls {
namespace {

enum : int { good = 0, not_made = 10, no_filter, not_open, not_replaced, not_resumed, denied_call };

// Everything that a front does with TLS, from new certificates to a session that is resumed.
int serve_confined() {
    ClientWish wish;
    Store store;
    if (!store.apply(material_of(make_certificate(make_pair())), {})) return not_made;
    const Material later = material_of(make_certificate(make_pair()));
    std::atomic<std::uint64_t> denied{0};
    if (!os::install_front_filter(denied)) return no_filter;
    TestConnection first(store, wish);
    if (first.talk() != State::open) return not_open;
    if (!store.apply(later, {})) return not_replaced;
    wish.ticket = first.client.ticket();
    TestConnection second(store, wish);
    if (second.talk() != State::open || !second.session.resumed()) return not_resumed;
    return denied == 0 ? good : denied_call;
}

TEST(Confined, OpenSslAsksForNothingThatIsDenied) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(serve_confined());
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    if (WEXITSTATUS(status) == no_filter) GTEST_SKIP() << "this kernel does not filter";
    EXPECT_EQ(WEXITSTATUS(status), good);
}

}  // namespace
}  // namespace mew::tls
