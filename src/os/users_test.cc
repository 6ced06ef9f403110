#include "os/users.h"

#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/process.h"

namespace mew::os {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

// Of the machine's own database, so that no id is taken for granted.
const passwd& nobody() { return *::getpwnam("nobody"); }

int status_of(const std::function<int()>& body) {
    SpawnPlan plan;
    plan.body = body;
    const auto child = spawn(plan);
    if (!child) return -1;
    int status = -1;
    ::waitpid(*child, &status, 0);
    return status;
}

TEST(ResolveIdentity, NothingChangesNothing) {
    const auto identity = resolve_identity("", "");
    ASSERT_TRUE(identity);
    EXPECT_FALSE(identity->uid);
    EXPECT_FALSE(identity->gid);
    EXPECT_TRUE(take_identity(*identity));
}

TEST(ResolveIdentity, UserBringsItsGroup) {
    const auto by_name = resolve_identity("nobody", "");
    ASSERT_TRUE(by_name) << by_name.error().text;
    EXPECT_EQ(by_name->uid, nobody().pw_uid);
    EXPECT_EQ(by_name->gid, nobody().pw_gid);
    EXPECT_EQ(by_name->user, "nobody");
    EXPECT_THAT(by_name->groups, Contains(nobody().pw_gid));
    const auto by_number = resolve_identity(std::to_string(nobody().pw_uid), "");
    ASSERT_TRUE(by_number);
    EXPECT_EQ(by_number->user, "nobody");
    EXPECT_EQ(by_number->gid, nobody().pw_gid);
}

TEST(ResolveIdentity, GroupAloneAndNumbersWithoutEntry) {
    const auto group = resolve_identity("", "54321");
    ASSERT_TRUE(group);
    EXPECT_FALSE(group->uid);
    EXPECT_EQ(group->gid, 54321U);
    const auto both = resolve_identity("54321", "12345");
    ASSERT_TRUE(both);
    EXPECT_EQ(both->uid, 54321U);
    EXPECT_EQ(both->gid, 12345U);
    EXPECT_THAT(both->groups, ElementsAre(12345U));
    const auto lone = resolve_identity("54321", "");
    ASSERT_FALSE(lone);
    EXPECT_THAT(lone.error().text, HasSubstr("give the group"));
}

TEST(ResolveIdentity, MistakesAreNamed) {
    for (const char* user : {"no-such-user", "-1", "4294967295", "4294967296", "0x0", "1 ", " "}) {
        const auto identity = resolve_identity(user, "0");
        ASSERT_FALSE(identity) << user;
        EXPECT_THAT(identity.error().text, HasSubstr(user));
    }
    EXPECT_FALSE(resolve_identity("nobody", "no-such-group"));
}

TEST(ResolveOwner, AllForms) {
    const auto user = resolve_owner("nobody");
    ASSERT_TRUE(user);
    EXPECT_EQ(user->uid, nobody().pw_uid);
    EXPECT_FALSE(user->gid);
    const auto both = resolve_owner("54321:12345");
    ASSERT_TRUE(both);
    EXPECT_EQ(both->uid, 54321U);
    EXPECT_EQ(both->gid, 12345U);
    const auto group = resolve_owner(":12345");
    ASSERT_TRUE(group);
    EXPECT_FALSE(group->uid);
    EXPECT_EQ(group->gid, 12345U);
    for (const char* text : {"", ":", "no-such-user", "nobody:no-such-group"})
        EXPECT_FALSE(resolve_owner(text)) << text;
}

TEST(TakeIdentity, DropsEverything) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    EXPECT_EQ(0, status_of([] {
                  if (!take_identity({54321, 12345, {12345, 777}, ""})) return 1;
                  gid_t groups[8];
                  const int count = ::getgroups(8, groups);
                  uid_t r, e, s;
                  ::getresuid(&r, &e, &s);
                  if (r != 54321 || e != 54321 || s != 54321) return 2;
                  if (::getegid() != 12345 || count != 2) return 3;
                  // Once more is fine, another one is not.
                  if (!take_identity({54321, 12345, {12345}, ""})) return 4;
                  return take_identity({0, 0, {0}, "root"}) ? 5 : 0;
              }));
}

TEST(TakeIdentity, WithoutPrivilegesIsAClearError) {
    EXPECT_EQ(0, status_of([] {
                  if (::geteuid() == 0 && !take_identity({54321, 12345, {12345}, ""})) return 1;
                  const auto taken = take_identity({0, 0, {0}, "root"});
                  if (taken) return 2;
                  return taken.error().text.find("cannot become user root") == 0 ? 0 : 3;
              }));
}

}  // namespace
}  // namespace mew::os
