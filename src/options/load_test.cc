#include "options/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "options/test_files.h"

namespace mew::options {
namespace {

using test::given_value;
using test::load_ini;
using test::load_words;
using test::says;
using test::texts;
using ::testing::ElementsAre;

constexpr const char* kGood = "module = m\nhttp = :1\n";

Loaded with(const std::string& more) { return load_ini(kGood + more); }

TEST(Load, AUsualFile) {
    const Loaded loaded = load_ini(
        "[uwsgi]\nproject = cats\nmodule = %(project).wsgi:application\nmaster = true\n"
        "processes = 4\nhttp = :8000\nvacuum = true\ndie-on-term = true\nenable-threads\n"
        "env = DJANGO_SETTINGS_MODULE=%(project).settings\nplugins = python3\n"
        "buffer-size = 64k\n");
    EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
    EXPECT_EQ(loaded.options.module, "cats.wsgi:application");
    EXPECT_EQ(loaded.options.buffer_size, 65536U);
    EXPECT_EQ(loaded.options.env[0].value, "cats.settings");
    EXPECT_EQ(given_value(loaded, "project"), "cats");
}

TEST(Load, OriginsHaveFileAndLine) {
    const Loaded loaded = with("processes = x\n");
    ASSERT_EQ(loaded.mistakes.size(), 1U);
    EXPECT_TRUE(loaded.mistakes[0].origin.ends_with("app.ini:4")) << loaded.mistakes[0].origin;
}

TEST(Load, TheFileDecidesHowStrictWeAre) {
    const Loaded lenient = with("vaccum = true\ncolour = red\npyargv = %(colour)\n");
    EXPECT_EQ(texts(lenient.mistakes), "");
    EXPECT_TRUE(says(lenient.warnings, "vaccum is no option; did you mean vacuum?"));
    EXPECT_FALSE(says(lenient.warnings, "colour"));
    EXPECT_EQ(given_value(lenient, "vaccum"), "true");

    const Loaded strict = load_ini("[mewsgi]\nmodule = m\nhttp = :1\nvaccum = true\nspooler = x\n");
    EXPECT_TRUE(says(strict.mistakes, "vaccum is no option; did you mean vacuum?"));
    EXPECT_TRUE(says(strict.mistakes, "spooler is an option of uWSGI"));

    const Loaded by_option = with("strict = true\nvaccum = true\n");
    EXPECT_TRUE(says(by_option.mistakes, "vaccum"));
}

TEST(Load, PlaceholdersOfTheirOwn) {
    const Loaded loaded =
        load_ini("[mewsgi]\nset-ph = name=m\nset = http=:1\nset = port=2\nmodule = %(name)\n");
    EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
    EXPECT_EQ(loaded.options.module, "m");
    EXPECT_EQ(loaded.options.listen_addresses.size(), 1U);
    EXPECT_TRUE(says(with("set-ph = processes=4\n").mistakes, "is an option, not a placeholder"));
    EXPECT_TRUE(says(with("set = =4\n").mistakes, "needs NAME=VALUE"));
}

TEST(Load, TheCommandLinesPlaceholderComesBeforeTheFiles) {
    const test::TemporaryFolder folder;
    const std::string file =
        folder.write("a.ini", "[uwsgi]\nroot = m\nmodule = %(root)\nhttp = :1\n");
    EXPECT_EQ(load_words({"--set", "root=other", "--ini", file}).options.module, "other");
}

TEST(Load, AFilesOptionsStandWhereItIsRead) {
    const test::TemporaryFolder folder;
    const std::string file = folder.write("a.ini", "[uwsgi]\nprocesses = 2\nhttp = :1\n");
    EXPECT_EQ(load_words({"m", "-p", "9", "--ini", file}).options.processes, 2);
    EXPECT_EQ(load_words({"m", "--ini", file, "-p", "9"}).options.processes, 9);
    const Loaded loaded = load_words({"m", "--ini", file});
    std::vector<std::string> names;
    names.reserve(loaded.given.size());
    for (const Given& given : loaded.given) names.push_back(given.name);
    EXPECT_THAT(names, ElementsAre("module", "ini", "processes", "http"));
}

TEST(Load, InlineCommentsAreNoticed) {
    const Loaded loaded = with("processes = 4 ; four\nvacuum = false # no\ncallable = a ; b\n");
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_EQ(loaded.options.processes, 4);
    EXPECT_FALSE(loaded.options.vacuum);
    EXPECT_EQ(loaded.options.callable, "a ; b");
    EXPECT_EQ(loaded.warnings.size(), 3U);
    EXPECT_TRUE(says(with("vacuum = flase\n").warnings, "is taken for true"));
    EXPECT_TRUE(with("callable = a#b;c\n").warnings.empty());
}

TEST(Load, Sections) {
    const Loaded both = load_ini("[uwsgi]\nmodule=u\n[mewsgi]\nmodule=m\nhttp=:1\n");
    EXPECT_EQ(both.options.module, "m");
    EXPECT_TRUE(says(both.warnings, "only [mewsgi] is read"));
    const Loaded missing = load_ini("[prod]\nmodule=u\n[test]\n");
    EXPECT_TRUE(says(missing.warnings, "has no [uwsgi] section"));
    EXPECT_TRUE(says(missing.warnings, "[prod], [test]"));
    EXPECT_TRUE(says(load_ini("[").mistakes, "lacks the ]"));
}

TEST(Load, UnreadableFilesAreMistakesAndNoMore) {
    const Loaded loaded = load_words({"--ini", "/nowhere/app.ini"});
    ASSERT_EQ(loaded.mistakes.size(), 1U) << texts(loaded.mistakes);
    EXPECT_TRUE(says(loaded.mistakes, "cannot read /nowhere/app.ini: No such file"));
    EXPECT_TRUE(says(load_words({"--ini", "/"}).mistakes, "Is a directory"));
    EXPECT_TRUE(says(load_words({"--ini", "http://x/y.ini"}).mistakes, "only files"));
    EXPECT_TRUE(says(load_words({"--config", "a.yml"}).mistakes, "only INI"));
    EXPECT_TRUE(says(load_words({"--ini", "/dev/zero"}).mistakes, "16 MiB"));
    EXPECT_TRUE(says(load_words({"--ini", ":section"}).mistakes, "no file was read before it"));
}

TEST(Load, FilesMayReadOthers) {
    const test::TemporaryFolder folder;
    folder.write("base.ini", "[uwsgi]\nhttp = :1\npyargv = %n %N %x\n");
    const std::string file = folder.write("app.ini",
                                          "[uwsgi]\nmodule = m\nini = %dbase.ini\nini = :more\n"
                                          "[more]\nprocesses = 3\n");
    folder.write("more.ini", "");
    const Loaded loaded = load_words({"--ini", file});
    EXPECT_EQ(loaded.options.pyargv, "base app uwsgi");
    EXPECT_EQ(loaded.options.listen_addresses.size(), 1U);
    EXPECT_TRUE(says(loaded.warnings, "has no [more] section"));  // of base.ini, read last
}

TEST(Load, CirclesOfFilesEnd) {
    const test::TemporaryFolder folder;
    const std::string file =
        folder.write("a.ini", "[uwsgi]\nmodule = m\nhttp = :1\nini = %da.ini\nini = %d./a.ini\n");
    const Loaded loaded = load_words({"--ini", file});
    EXPECT_TRUE(says(loaded.mistakes, "while it is being read"));
    EXPECT_EQ(loaded.options.module, "m");
    for (int i = 0; i < 40; ++i)
        folder.write("n" + std::to_string(i) + ".ini",
                     "[uwsgi]\nini = %dn" + std::to_string(i + 1) + ".ini\n");
    EXPECT_FALSE(load_words({"--ini", folder.path() + "/n0.ini"}).mistakes.empty());
}

TEST(Load, OptionsOfUwsgiThatMeanListeningAreMistakes) {
    const Loaded loaded = load_ini("module = m\nraw-socket = /run/x.sock\nharakiri = 30\n");
    ASSERT_EQ(loaded.mistakes.size(), 1U) << texts(loaded.mistakes);
    EXPECT_TRUE(says(loaded.mistakes, "raw-socket is an option of uWSGI"));
    EXPECT_TRUE(says(loaded.warnings, "harakiri"));
}

std::string listens(const Loaded& loaded) {
    std::string text = texts(loaded.mistakes);
    for (const ListenAddress& listen : loaded.options.listen_addresses)
        text += listen.option + " " + listen.address + " " +
                std::to_string(static_cast<int>(listen.protocol)) + ";";
    return text;
}

TEST(Load, EachSocketOptionHasItsProtocol) {
    EXPECT_EQ(listens(load_ini("module = m\nhttp = :1\nsocket = a\nuwsgi-socket = b\n"
                               "puwsgi-socket = c\nfastcgi-socket = d\nscgi-socket = e\n")),
              "http :1 0;socket a 1;uwsgi-socket b 1;puwsgi-socket c 2;fastcgi-socket d 3;"
              "scgi-socket e 4;");
    EXPECT_EQ(listens(load_words({"m", "-s", "a"})), "socket a 1;") << "no http of its own";
}

TEST(Load, ProtocolIsThatOfAllPlainSockets) {
    for (const auto& [name, number] : {std::pair<std::string, char>{"http", '0'},
                                       {"uwsgi", '1'},
                                       {"puwsgi", '2'},
                                       {"fastcgi", '3'},
                                       {"scgi", '4'}}) {
        const Loaded loaded = load_ini(
            "module = m\nsocket = a\nuwsgi-socket = b\nprotocol = " + name + "\nsocket = c\n");
        EXPECT_EQ(listens(loaded),
                  std::string("socket a ") + number + ";uwsgi-socket b 1;socket c " + number + ";");
    }
    EXPECT_TRUE(says(load_ini("module = m\nsocket = a\nsocket-protocol = raw\n").mistakes,
                     "\"raw\" is not one of"));
}

TEST(Load, FreePortsAreAnotherOneEachTime) {
    EXPECT_EQ(listens(load_ini("module = m\nhttp = :0\nsocket = :0\nsocket = 127.0.0.1:\n"
                               "scgi-socket = 127.0.0.1:\nsocket = [::1]:0\n")),
              "http :0 0;socket :0 1;socket 127.0.0.1: 1;scgi-socket 127.0.0.1: 4;"
              "socket [::1]:0 1;");
}

TEST(Load, GatewayThatEverybodyCanReachIsWarnedOf) {
    const auto warned = [](const std::string& line) {
        const Loaded loaded = load_ini("module = m\n" + line + "\n");
        EXPECT_EQ(texts(loaded.mistakes), "");
        return says(loaded.warnings, "believed as the web server");
    };
    for (const char* line :
         {"socket = :3031", "socket = 0.0.0.0:3031", "fastcgi-socket = 10.1.2.3:1",
          "scgi-socket = [::]:1", "puwsgi-socket = example.org:1"})
        EXPECT_TRUE(warned(line)) << line;
    for (const char* line :
         {"socket = 127.0.0.1:3031", "socket = localhost:1", "socket = [::1]:1", "socket = /run/x",
          "socket = @x", "http = :8000", "socket = :1\nprotocol = http"})
        EXPECT_FALSE(warned(line)) << line;
}

TEST(Load, OptionsAcross) {
    EXPECT_TRUE(says(with("wsgi-file = /dev/null\n").mistakes, "name two apps"));
    EXPECT_TRUE(says(load_ini("http = :1\n").mistakes, "no app is named"));
    EXPECT_EQ(texts(load_ini("http = :1\nneed-app = false\n").mistakes), "");
    EXPECT_TRUE(says(load_ini("module = m\n").mistakes, "nothing to listen on"));
    EXPECT_TRUE(says(with("uid = no-such-user-here\n").mistakes, "no-such-user-here"));
    EXPECT_TRUE(says(with("chown-socket = no-such-user-here\n").mistakes, "no-such-user-here"));
    EXPECT_TRUE(says(with("chdir = /no/where\n").mistakes, "there is no folder /no/where"));
    EXPECT_TRUE(says(load_ini("http = :1\nwsgi-file = no.py\nchdir = /tmp\n").mistakes,
                     "there is no file /tmp/no.py"));
    EXPECT_EQ(texts(with("warm-up = /\nwarm-up = https://cats.example/a?b=%20\n").mistakes), "");
    EXPECT_TRUE(says(with("warm-up = news\n").mistakes, "write a path as /news"));
    EXPECT_TRUE(says(with("warm-up = /a b\n").mistakes, "goes as %XX"));
    EXPECT_TRUE(says(with("lazy-apps = 1\npreload = on\n").mistakes, "exclude each other"));
    EXPECT_TRUE(says(with("logto = 10.0.0.1:514\n").mistakes, "over the network"));
    EXPECT_TRUE(says(with("master = false\n").warnings, "always has a master"));
    const Loaded twice = with("http = :1\nhttp = :2\n");
    EXPECT_EQ(twice.options.listen_addresses.size(), 2U);
    EXPECT_TRUE(says(twice.warnings, ":1 is given twice"));
}

TEST(Load, SharedSockets) {
    const Loaded good = load_ini("module = m\nshared-socket = :1\nhttp-socket = =0\n");
    EXPECT_EQ(texts(good.mistakes) + texts(good.warnings), "");
    EXPECT_THAT(good.options.shared_sockets, ElementsAre(":1"));
    EXPECT_TRUE(says(with("http = =0\n").mistakes, "is not there: none is given"));
    EXPECT_TRUE(says(with("shared-socket = :2\nhttp = =1\n").mistakes, "there: 1 is given"));
    EXPECT_TRUE(says(with("shared-socket = =0\n").mistakes, "an address of its own"));
    EXPECT_TRUE(says(with("shared-socket = 8000\n").mistakes, "write :8000"));
}

TEST(Load, PassedSocketsNeedNoAddress) {
    const auto load_with = [](const test::Words& arguments,
                              const std::vector<net::Inherited>& passed) {
        Request request;
        return load(arguments, {}, request, passed);
    };
    const net::Inherited systemds{3, ""};
    const net::Inherited standard_input{0, ""};
    for (const test::Words& app : {test::Words{"--module", "m"}, test::Words{"m"}}) {
        EXPECT_EQ(texts(load_with(app, {systemds}).mistakes), "");
        EXPECT_TRUE(load_with(app, {systemds}).options.listen_addresses.empty());
        EXPECT_TRUE(load_with(app, {standard_input}).options.listen_addresses.empty());
    }
    EXPECT_TRUE(says(load_with({"--module", "m"}, {}).mistakes, "nothing to listen on"));
    EXPECT_TRUE(says(load_with({"--module", "m", "--skip-zero"}, {standard_input}).mistakes,
                     "nothing to listen on"));
    EXPECT_EQ(load_with({"m", "--skip-zero"}, {standard_input}).options.listen_addresses.size(),
              1U);
}

TEST(Load, ModuleTexts) {
    for (const char* good : {"a", "a.b", "a.b:c", "a:b()", "_a.b1:c.d", "käse:app"})
        EXPECT_EQ(texts(load_words({"--http", ":1", "--module", good}).mistakes), "") << good;
    for (const char* bad :
         {"a:", ":a", "a..b", ".a", "a.", "1a", "a b", "a:b(", "a:b(1)", "a:b:c", "a-b", "a:()"})
        EXPECT_NE(texts(load_words({"--http", ":1", "--module", bad}).mistakes), "") << bad;
}

TEST(Load, ExpansionsReachEveryValue) {
    const Loaded loaded = load_ini(
        "[uwsgi]\nbase = 8\nhttp = :%(base + 1)\nmodule = $(APP-none)\nif-env = APP\n"
        "pyargv = $(APP)\nendif =\n",
        {"APP=cats"});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_EQ(loaded.options.module, "cats");
    EXPECT_EQ(loaded.options.listen_addresses[0].address, ":9");
    EXPECT_EQ(loaded.options.pyargv, "cats");
}

TEST(Load, HostileFilesEnd) {
    std::string many = "[uwsgi]\n";
    for (int i = 0; i < 20'000; ++i) many += "x" + std::to_string(i) + " = %(x0)\n";
    EXPECT_FALSE(load_ini(many).warnings.empty());
    EXPECT_TRUE(says(load_ini(std::string("[uwsgi]\na\0b = 1\n", 16)).mistakes, "NUL"));
    const Loaded bytes = with("pyargv = \xff\xfe\n\x80\x81 = \xc3\n");
    EXPECT_EQ(bytes.options.pyargv, "\xff\xfe");
    EXPECT_TRUE(says(bytes.warnings, "\\x80\\x81 is no option"));
    EXPECT_FALSE(with("processes = " + std::string(100'000, '9') + "\n").mistakes.empty());
    EXPECT_TRUE(says(with("for = a\n").mistakes, "for is not closed"));
}

TEST(Load, ExplainsWhatCameOfIt) {
    const Loaded loaded = with("env = PASSWORD=hunter2\nno-orphans = true\nharakiri = 3\nx = 1\n");
    std::string all;
    for (const Explanation& one : explain(loaded))
        all += one.name + "|" + one.value + "|" + one.meaning + "\n";
    EXPECT_EQ(all.find("hunter2"), std::string::npos);
    EXPECT_NE(all.find("env|PASSWORD=***|"), std::string::npos);
    EXPECT_NE(all.find("no-orphans|true|no effect: "), std::string::npos);
    EXPECT_NE(all.find("harakiri|3|an option of uWSGI, not there yet"), std::string::npos);
    EXPECT_NE(all.find("x|1|a placeholder, for %(x)"), std::string::npos);
}

TEST(Load, FrontsAreANumberAtTheEnd) {
    const int automatic = with("").options.http_processes;
    EXPECT_TRUE(automatic == 1 || automatic == 2) << automatic;
    EXPECT_EQ(with("http-processes = auto\n").options.http_processes, automatic);
    EXPECT_EQ(with("http-workers = 5\n").options.http_processes, 5);
    EXPECT_TRUE(with("").options.front_seccomp);
    EXPECT_FALSE(with("front-seccomp = false\n").options.front_seccomp);
    EXPECT_FALSE(load_words({"m", "--no-front-seccomp"}).options.front_seccomp);
    EXPECT_TRUE(says(with("http-uid = nobody-has-this-name\n").mistakes, "there is no user"));
}

TEST(Load, ARouterToOtherServersIsNotTakenForOurs) {
    EXPECT_TRUE(says(with("http-to = 127.0.0.1:3031\n").mistakes, "this server's own app"));
    EXPECT_TRUE(says(with("http-stats = :9191\n").warnings, "mewsgi status --json"));
    const Loaded loaded = with("http-connect-timeout = 5\nhttp-manage-expect\nhttp-quiet = 1\n");
    EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
}

TEST(Load, TrustedProxies) {
    const Loaded loaded = with("trusted-proxies = 10.0.0.7, fd00::/8\ntrusted-proxies = unix\n");
    EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
    EXPECT_THAT(loaded.options.trusted_proxies, ElementsAre("10.0.0.7, fd00::/8", "unix"));
    EXPECT_TRUE(says(with("trusted-proxies = localhost\n").mistakes,
                     "trusted-proxies = localhost: write an address (10.0.0.7"));
    EXPECT_TRUE(says(with("trusted-proxies = unix\ntrusted-proxies = 10.0.0.7/8\n").mistakes,
                     "write 10.0.0.7 for the one address"));
}

TEST(Load, TrustInEverybodyIsWarnedOf) {
    const Loaded everybody = with("trusted-proxies = *\n");
    EXPECT_EQ(texts(everybody.mistakes), "");
    EXPECT_TRUE(says(everybody.warnings, "let a firewall allow only the proxies"));
    const Loaded scheme = with("forwarded-proto-from-anyone = true\n");
    EXPECT_EQ(texts(scheme.mistakes), "");
    EXPECT_TRUE(says(scheme.warnings, "any client can pass for one that came by TLS"));
}

TEST(Load, ProxyHeadersNeedTrustedProxies) {
    for (const std::string name : {"http-enable-proxy-protocol", "enable-proxy-protocol"}) {
        EXPECT_TRUE(
            says(with(name + " = true\n").mistakes, name + ": no connection would be served"));
        const Loaded loaded = with(name + " = true\ntrusted-proxies = 10.0.0.0/8\n");
        EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
    }
    EXPECT_TRUE(with("http-enable-proxy-protocol\ntrusted-proxies = unix\n")
                    .options.http_enable_proxy_protocol);
}

TEST(Load, HttpsNeedsFilesThatAreThere) {
    const auto with = [](const std::string& text) { return load_ini("module = app\n" + text); };
    EXPECT_TRUE(says(with("https = :1,/no/x.crt,/no/x.key\n").mistakes,
                     "https: there is no file /no/x.crt"));
    EXPECT_TRUE(says(with("http = :1\nsni = a.example /no/a.crt,/no/a.key\n").mistakes,
                     "sni: there is no file /no/a.key"));
    EXPECT_TRUE(says(with("http = :1\nsni-dir = /no\n").mistakes, "there is no folder /no"));
    EXPECT_TRUE(says(with("http = :1\nsni-dir = /\n").warnings, "no address speaks HTTPS"));
    const Loaded loaded = with("https = :1,/dev/null,/dev/null\nhttps-dev\nhttp-to-https = :80\n");
    EXPECT_EQ(texts(loaded.mistakes), "");
    ASSERT_EQ(loaded.options.listen_addresses.size(), 3U);
    EXPECT_EQ(loaded.options.listen_addresses[0].option, "https");
    EXPECT_EQ(loaded.options.listen_addresses[0].address, ":1");
    EXPECT_EQ(loaded.options.listen_addresses[1].address, "127.0.0.1:8443");
    EXPECT_THAT(loaded.options.https, testing::ElementsAre(":1,/dev/null,/dev/null"));
}

TEST(Load, OneSocketIsNotHttpsAndPlain) {
    const Loaded loaded = load_ini("module = app\nhttp = :1\nhttps = :1,/dev/null,/dev/null\n");
    EXPECT_TRUE(says(loaded.mistakes, ":1 is given for two protocols"));
}

}  // namespace
}  // namespace mew::options
