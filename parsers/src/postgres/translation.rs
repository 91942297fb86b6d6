//! Connection records in other languages (`lc_messages`): they are not read, and never pass for an empty log.
//!
//! Source: PostgreSQL 15's message catalogues, `src/backend/po/*.po`, for `connection authorized: user=%s` and
//! `connection received: host=%s`. Chinese leaves the first one in English.

/// How records of sessions begin, by language.
const AUTHORIZED: &[(&str, &str)] = &[
    ("German", "Verbindung autorisiert: Benutzer="),
    ("German", "Replikationsverbindung autorisiert: Benutzer="),
    ("Spanish", "conexión autorizada: usuario="),
    ("Spanish", "conexión de replicación autorizada: usuario="),
    ("French", "connexion autorisée : utilisateur="),
    ("French", "connexion de réplication autorisée : utilisateur="),
    ("Italian", "connessione autorizzata: utente="),
    ("Italian", "connessione di replica autorizzata: utente="),
    ("Japanese", "接続の認証完了: ユーザー="),
    ("Japanese", "レプリケーション接続の認証完了: ユーザー="),
    ("Georgian", "შეერთება ავტორიზებულია: მომხმარებელი="),
    ("Georgian", "რეპლიკაციის შეერთება ავტორიზებულია: მომხმარებელი="),
    ("Korean", "연결 인증: user="),
    ("Korean", "복제 연결 인증: user="),
    ("Russian", "подключение авторизовано: пользователь="),
    ("Russian", "подключение для репликации авторизовано: пользователь="),
    ("Swedish", "anslutning auktoriserad: användare="),
    ("Swedish", "replikeringsanslutning auktoriserad: användare="),
    ("Ukrainian", "підключення авторизовано: користувач="),
    ("Ukrainian", "підключення для реплікації авторизовано: користувач="),
    ("Chinese", "复制连接已经授权: 用户="),
];

/// How records of arrivals begin, by language.
const RECEIVED: &[(&str, &str)] = &[
    ("German", "Verbindung empfangen: Host="),
    ("Spanish", "conexión recibida: host="),
    ("French", "connexion reçue : hôte="),
    ("Italian", "connessione ricevuta: host="),
    ("Japanese", "接続を受け付けました: ホスト="),
    ("Georgian", "შემოსული დაკავშირება: ჰოსტი="),
    ("Korean", "접속 수락: host="),
    ("Russian", "принято подключение: узел="),
    ("Swedish", "ansluting mottagen: värd="),
    ("Ukrainian", "з'єднання отримано: хост="),
    ("Chinese", "已接收到连接: 主机="),
];

/// The language of connection records anywhere in `text`.
pub(super) fn anywhere(text: &[u8]) -> Option<&'static str> {
    let find = |head: &str| memchr::memmem::find(text, head.as_bytes()).is_some();
    RECEIVED.iter().chain(AUTHORIZED).find(|(_, head)| find(head)).map(|(language, _)| *language)
}
