#include "s3gw/http/tls_transport.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "s3gw/http/limits.h"
#include "storage/base/assert.h"

namespace taicang {

namespace {

constexpr std::size_t record_bytes_max = 16 * 1024;
/// Encrypted bytes that wait in memory before they are handed to the inner transport.
constexpr std::size_t outgoing_bytes_max = 256 * 1024;

std::string openssl_reason() {
    const unsigned long number = ERR_get_error();
    ERR_clear_error();
    if (number == 0) return "no reason given";
    std::array<char, 256> text;
    ERR_error_string_n(number, text.data(), text.size());
    return text.data();
}

/// Only HTTP/1.1 is spoken here; a client that offers others as well is told so.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* offered, unsigned offered_length, void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_length, ours, sizeof(ours) - 1, offered,
                              offered_length) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

struct context_deleter {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct session_deleter {
    void operator()(SSL* session) const noexcept { SSL_free(session); }
};

class tls_transport final : public http_transport {
  public:
    tls_transport(std::shared_ptr<tls_context> context, SSL* session, BIO* incoming, BIO* outgoing,
                  std::unique_ptr<http_transport> inner)
        : context_(std::move(context)),
          session_(session),
          incoming_(incoming),
          outgoing_(outgoing),
          inner_(std::move(inner)),
          raw_(std::make_unique_for_overwrite<std::byte[]>(record_bytes_max + 512)) {}

    task<result<void>> handshake() override;
    task<result<std::size_t>> read_some(bytes_span into) override;
    task<result<void>> write(std::span<const bytes_view> pieces) override;
    void interrupt() noexcept override { inner_->interrupt(); }
    task<void> shutdown_write() override;
    void close() noexcept override { inner_->close(); }
    [[nodiscard]] const std::string& peer_address() const noexcept override {
        return inner_->peer_address();
    }
    [[nodiscard]] bool is_tls() const noexcept override { return true; }
    [[nodiscard]] std::uint64_t bytes_moved() const noexcept override {
        return inner_->bytes_moved();
    }

  private:
    /// Sends what OpenSSL wants to send.
    task<result<void>> flush();
    /// Gives OpenSSL more of what the peer sent; false at the peer's end.
    task<result<bool>> feed();
    result<void> encrypt(bytes_view record);

    std::shared_ptr<tls_context> context_;
    std::unique_ptr<SSL, session_deleter> session_;
    BIO* incoming_;  ///< the session's
    BIO* outgoing_;  ///< the session's
    std::unique_ptr<http_transport> inner_;
    std::unique_ptr<std::byte[]> raw_;
};

error tls_failure() {
    return error(errc::connection_lost, "TLS with the client failed: " + openssl_reason() + ".");
}

task<result<void>> tls_transport::flush() {
    char* data = nullptr;
    const long pending = BIO_get_mem_data(outgoing_, &data);
    if (pending <= 0) co_return ok();
    const std::array<bytes_view, 1> pieces = {
        as_bytes(std::string_view(data, static_cast<std::size_t>(pending)))};
    auto written = co_await inner_->write(pieces);
    // Nothing was added meanwhile: only this task touches the session.
    static_cast<void>(BIO_reset(outgoing_));
    co_return written;
}

task<result<bool>> tls_transport::feed() {
    const bytes_span into(raw_.get(), record_bytes_max + 512);
    auto got = co_await inner_->read_some(into);
    if (!got) co_return std::move(got).error();
    if (*got == 0) co_return false;
    const int taken = BIO_write(incoming_, raw_.get(), static_cast<int>(*got));
    if (taken != static_cast<int>(*got)) co_return tls_failure();
    co_return true;
}

task<result<void>> tls_transport::handshake() {
    for (;;) {
        ERR_clear_error();
        const int done = SSL_do_handshake(session_.get());
        const int why = SSL_get_error(session_.get(), done);
        auto flushed = co_await flush();
        if (!flushed) co_return flushed;
        if (done == 1) co_return ok();
        if (why != SSL_ERROR_WANT_READ) co_return tls_failure();
        auto fed = co_await feed();
        if (!fed) co_return std::move(fed).error();
        if (!*fed) co_return error(errc::connection_lost, "The client left during the handshake.");
    }
}

task<result<std::size_t>> tls_transport::read_some(bytes_span into) {
    for (;;) {
        ERR_clear_error();
        const int got = SSL_read(session_.get(), into.data(),
                                 static_cast<int>(std::min<std::size_t>(into.size(), 1U << 30)));
        if (got > 0) co_return static_cast<std::size_t>(got);
        const int why = SSL_get_error(session_.get(), got);
        if (why == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
        if (why != SSL_ERROR_WANT_READ) co_return tls_failure();
        // Reading may have made an answer (key update); the peer waits for it.
        auto flushed = co_await flush();
        if (!flushed) co_return std::move(flushed).error();
        auto fed = co_await feed();
        if (!fed) co_return std::move(fed).error();
        // An end without close_notify is a cut, but clients do it; HTTP's own framing tells whether
        // bytes miss.
        if (!*fed) co_return std::size_t{0};
    }
}

result<void> tls_transport::encrypt(bytes_view record) {
    ERR_clear_error();
    const int put = SSL_write(session_.get(), record.data(), static_cast<int>(record.size()));
    if (put != static_cast<int>(record.size())) return tls_failure();
    return ok();
}

task<result<void>> tls_transport::write(std::span<const bytes_view> pieces) {
    // Small pieces share a record; whole records go in without a copy.
    std::array<std::byte, record_bytes_max> gathered;
    std::size_t held = 0;
    for (bytes_view piece : pieces) {
        while (!piece.empty()) {
            bytes_view record;
            if (held == 0 && piece.size() >= record_bytes_max) {
                record = piece.first(record_bytes_max);
                piece = piece.subspan(record_bytes_max);
            } else {
                const std::size_t length = std::min(piece.size(), record_bytes_max - held);
                std::memcpy(gathered.data() + held, piece.data(), length);
                held += length;
                piece = piece.subspan(length);
                if (held < record_bytes_max) continue;
                record = gathered;
                held = 0;
            }
            TC_CO_TRY(encrypt(record));
            if (BIO_ctrl_pending(outgoing_) >= outgoing_bytes_max) {
                auto flushed = co_await flush();
                if (!flushed) co_return flushed;
            }
        }
    }
    if (held != 0) TC_CO_TRY(encrypt(bytes_view(gathered).first(held)));
    co_return co_await flush();
}

task<void> tls_transport::shutdown_write() {
    ERR_clear_error();
    static_cast<void>(SSL_shutdown(session_.get()));
    auto flushed = co_await flush();
    // The peer may be gone: then there is nobody to tell.
    static_cast<void>(flushed.ok());
    co_await inner_->shutdown_write();
}

}  // namespace

struct tls_context::state {
    std::unique_ptr<SSL_CTX, context_deleter> context;
};

tls_context::tls_context() : state_(std::make_unique<state>()) {}

tls_context::~tls_context() = default;

result<std::shared_ptr<tls_context>> tls_context::make_server(
    const std::string& certificate_chain_path, const std::string& private_key_path) {
    std::shared_ptr<tls_context> made(new tls_context());
    made->state_->context.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* context = made->state_->context.get();
    if (context == nullptr) return error(errc::no_space, "OpenSSL: " + openssl_reason());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    if (SSL_CTX_use_certificate_chain_file(context, certificate_chain_path.c_str()) != 1) {
        return error(errc::invalid_argument,
                     "The TLS certificate chain " + certificate_chain_path +
                         " cannot be used: " + openssl_reason() +
                         ". It must be a PEM file, the server's certificate first.");
    }
    if (SSL_CTX_use_PrivateKey_file(context, private_key_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return error(errc::invalid_argument,
                     "The TLS private key " + private_key_path +
                         " cannot be used: " + openssl_reason() +
                         ". It must be a PEM file without passphrase that fits the certificate.");
    }
    return made;
}

std::unique_ptr<http_transport> make_tls_transport(std::shared_ptr<tls_context> context,
                                                   std::unique_ptr<http_transport> inner) {
    SSL* session = SSL_new(context->inner().context.get());
    BIO* incoming = BIO_new(BIO_s_mem());
    BIO* outgoing = BIO_new(BIO_s_mem());
    TC_ASSERT_WHY(session != nullptr && incoming != nullptr && outgoing != nullptr,
                  "out of memory");
    // An empty memory means "later", not "the end".
    BIO_set_mem_eof_return(incoming, -1);
    BIO_set_mem_eof_return(outgoing, -1);
    SSL_set_bio(session, incoming, outgoing);
    SSL_set_accept_state(session);
    return std::make_unique<tls_transport>(std::move(context), session, incoming, outgoing,
                                           std::move(inner));
}

}  // namespace taicang
