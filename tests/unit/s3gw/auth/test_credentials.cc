// Keys: the store, and the root key's file.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "s3gw/auth/credentials.h"
#include "s3gw/auth/hmac.h"

namespace taicang {
namespace {

class root_key_test : public testing::Test {
  protected:
    root_key_test() {
        std::string pattern = testing::TempDir() + "taicang-root-key-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
    }
    ~root_key_test() override { std::filesystem::remove_all(directory_); }
    result<root_key> load(const root_key_settings& settings = {}) {
        return load_or_create_root_key(directory_, settings, *random_);
    }
    std::string file() const { return directory_ + "/root-credentials"; }
    void write(const std::string& text) const {
        std::ofstream(file()) << text;
        ::chmod(file().c_str(), 0600);
    }

    std::string directory_;
    std::unique_ptr<random_source> random_ = seeded_random(7);
};

TEST_F(root_key_test, the_first_start_makes_one_and_later_ones_load_it) {
    const auto made = load();
    ASSERT_TRUE(made.ok()) << made.error().message;
    EXPECT_EQ(made->origin, root_key_origin::generated);
    EXPECT_EQ(made->key.access_key.size(), 20U);
    EXPECT_EQ(made->key.secret.reveal().size(), 40U);
    EXPECT_TRUE(made->key.may_administer);
    struct stat about {};
    ASSERT_EQ(::stat(file().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0600U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1)
        << "nothing temporary is left";

    const auto loaded = load();
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->origin, root_key_origin::file);
    EXPECT_EQ(loaded->key.access_key, made->key.access_key);
    EXPECT_EQ(loaded->key.secret.reveal(), made->key.secret.reveal());
}

TEST_F(root_key_test, a_half_made_file_of_a_crash_is_no_key) {
    std::ofstream(file() + ".new") << "TAICANG_ROOT_ACC";
    const auto made = load();
    ASSERT_TRUE(made.ok()) << made.error().message;
    EXPECT_EQ(made->origin, root_key_origin::generated);
}

TEST_F(root_key_test, settings_win_and_leave_the_file_alone) {
    const auto set = load({"admin", "long enough"});
    EXPECT_FALSE(set.ok()) << "a blank in a secret is refused";
    const auto good = load({"admin", "long-enough"});
    ASSERT_TRUE(good.ok()) << good.error().message;
    EXPECT_EQ(good->origin, root_key_origin::settings);
    EXPECT_EQ(good->key.access_key, "admin");
    EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(root_key_test, half_settings_short_keys_and_damaged_files_are_refused_with_a_sentence) {
    EXPECT_NE(load({"admin", std::nullopt}).error().message.find("Only one of"), std::string::npos);
    EXPECT_TRUE(load({"ad", "long-enough"}).is(errc::invalid_argument));
    EXPECT_TRUE(load({"admin", "short"}).is(errc::invalid_argument));
    EXPECT_TRUE(load({"ad/min", "long-enough"}).is(errc::invalid_argument));
    write("TAICANG_ROOT_ACCESS_KEY=admin\n");
    EXPECT_TRUE(load().is(errc::invalid_argument));
    write("");
    EXPECT_TRUE(load().is(errc::invalid_argument));
}

TEST_F(root_key_test, a_file_that_others_can_read_is_refused) {
    write("TAICANG_ROOT_ACCESS_KEY=admin\nTAICANG_ROOT_SECRET_KEY=long-enough\n");
    ASSERT_TRUE(load().ok());
    ::chmod(file().c_str(), 0644);
    const auto refused = load();
    ASSERT_TRUE(refused.is(errc::permission_denied));
    EXPECT_NE(refused.error().message.find("chmod 600"), std::string::npos);
    EXPECT_EQ(refused.error().message.find("long-enough"), std::string::npos);
}

TEST(credentials, the_store_replaces_and_removes) {
    credential_store store;
    EXPECT_EQ(store.find("a"), nullptr);
    store.put({"b", secret_text("1"), "", true, false});
    store.put({"a", secret_text("2"), "", true, false});
    const auto held = store.find("a");
    store.put({"a", secret_text("3"), "", true, false});
    EXPECT_EQ(held->secret.reveal(), "2") << "a request keeps what it found";
    EXPECT_EQ(store.find("a")->secret.reveal(), "3");
    EXPECT_EQ(store.access_keys(), (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(store.remove("a"));
    EXPECT_FALSE(store.remove("a"));
}

TEST(hmac, known_answers) {
    // FIPS 180-2, appendix B; RFC 4231, cases 1, 2 and 6.
    EXPECT_EQ(view_of(hex_of(sha256_of("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(view_of(hex_of(hmac_sha256_key(std::string(20, '\x0b')).sign("Hi There"))),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(view_of(hex_of(hmac_sha256_key("Jefe").sign("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(view_of(hex_of(hmac_sha256_key(std::string(131, '\xaa'))
                                 .sign("Test Using Larger Than Block-Size Key - Hash Key First"))),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace taicang
