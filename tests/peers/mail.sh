#!/usr/bin/env bash
# mail.sh start|stop: Dovecot and Postfix of our own for the tests, on loopback, without the system's services.
#   IMAP     127.0.0.1:15143 (plain and STARTTLS), 127.0.0.1:15993 (TLS); every account's password is mail-pass-1
#   SMTP     127.0.0.1:15025 (plain), 127.0.0.1:15587 (STARTTLS and sign-in: any account, the same password)
# Mail for test.example goes to Dovecot's accounts, mail for hub.example to whoever listens by LMTP on 127.0.0.1:15026, mail for
# missing.example cannot be delivered and bounces. Nothing leaves the machine. `start` prints where the certificate is.
# Installs Debian's packages where it may and must; needs root or sudo, as Postfix does. MAIL_HOME moves its folder.
set -euo pipefail
home="${MAIL_HOME:-${TMPDIR:-/tmp}/dure-mail}"
pass="mail-pass-1"
sudo=""; [ "$(id -u)" = 0 ] || sudo="sudo -n"

install() {
  local missing=()
  command -v dovecot >/dev/null || [ -x /usr/sbin/dovecot ] || missing+=(dovecot-imapd dovecot-lmtpd)
  [ -x /usr/lib/dovecot/lmtp ] || missing+=(dovecot-lmtpd)
  [ -x /usr/sbin/postfix ] || missing+=(postfix)
  command -v openssl >/dev/null || missing+=(openssl)
  [ ${#missing[@]} = 0 ] && return
  # The packages would start services of their own; ours are enough.
  local policy=/usr/sbin/policy-rc.d
  local ours=""
  if [ ! -e "$policy" ]; then
    ours=1
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
  fi
  local failed=""
  echo "postfix postfix/main_mailer_type select No configuration" | $sudo debconf-set-selections
  { $sudo apt-get -q update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "${missing[@]}"; } >&2 || failed=1
  [ -z "$ours" ] || $sudo rm -f "$policy"
  if [ -n "$failed" ]; then
    echo "mail.sh: cannot install them; please install the packages ${missing[*]}" >&2
    exit 2
  fi
}

wait_port() {
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    sleep 0.1
  done
  echo "mail.sh: nothing listens on $1; see $home/*.log" >&2
  exit 2
}

configure() {
  mkdir -p "$home"/{box,run,postfix/etc}
  chmod 755 "$home"
  # A certificate of its own that is no authority, or it could not stand for a server.
  [ -s "$home/tls.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -extensions server \
    -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n[server]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n') \
    -keyout "$home/tls.key" -out "$home/tls.pem" 2>/dev/null
  id dure-mail >/dev/null 2>&1 || $sudo useradd -r -M -s /usr/sbin/nologin dure-mail
  $sudo chown dure-mail "$home/box"
  cat >"$home/dovecot.conf" <<C
protocols = imap lmtp
base_dir = $home/run
state_dir = $home/run
log_path = $home/dovecot.log
listen = 127.0.0.1
instance_name = dure-tests
ssl = yes
ssl_cert = <$home/tls.pem
ssl_key = <$home/tls.key
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:~/Maildir
mail_uid = dure-mail
mail_gid = dure-mail
first_valid_uid = 1
passdb {
  driver = static
  args = password=$pass
}
userdb {
  driver = static
  args = uid=dure-mail gid=dure-mail home=$home/box/%n allow_all_users=yes
}
namespace inbox {
  inbox = yes
}
service imap-login {
  inet_listener imap {
    port = 15143
  }
  inet_listener imaps {
    port = 15993
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 15024
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = 15012
  }
}
protocol lmtp {
  postmaster_address = postmaster@test.example
}
C
  local etc="$home/postfix/etc"
  cp /usr/share/postfix/master.cf.dist "$etc/master.cf"
  # No chroot, and only our two ports.
  sed -i -e 's/^\([a-z][^#]*[[:space:]]\)y\([[:space:]]\)/\1n\2/' \
    -e 's/^smtp      inet.*/127.0.0.1:15025 inet n - n - - smtpd/' "$etc/master.cf"
  cat >>"$etc/master.cf" <<C
127.0.0.1:15587 inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
C
  cat >"$etc/main.cf" <<C
compatibility_level = 3.6
queue_directory = $home/postfix/queue
data_directory = $home/postfix/data
mail_owner = postfix
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.test.example
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = test.example
virtual_transport = lmtp:inet:127.0.0.1:15024
transport_maps = inline:{ hub.example=lmtp:inet:127.0.0.1:15026, missing.example=error:5.1.1 }
default_transport = error:5.4.4 nothing leaves this machine
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_cert_file = $home/tls.pem
smtpd_tls_key_file = $home/tls.key
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:15012
message_size_limit = 52428800
smtputf8_enable = no
maillog_file = $home/postfix.log
maillog_file_prefixes = $home, /dev/stdout
alias_maps =
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
C
  mkdir -p "$home/postfix/queue" "$home/postfix/data"
  $sudo chown postfix "$home/postfix/data"
  $sudo chown root:root "$home/postfix" "$home/postfix/queue" "$etc" "$etc"/*.cf
}

stop() {
  [ -e "$home/run/master.pid" ] && $sudo doveadm -c "$home/dovecot.conf" stop 2>/dev/null || true
  [ -d "$home/postfix/etc" ] && $sudo postfix -c "$home/postfix/etc" stop >/dev/null 2>&1 || true
}

case "${1:-start}" in
  start)
    install
    if ! (exec 3<>/dev/tcp/127.0.0.1/15025) 2>/dev/null || ! (exec 3<>/dev/tcp/127.0.0.1/15143) 2>/dev/null; then
      stop
      configure
      $sudo dovecot -c "$home/dovecot.conf" >"$home/start.log" 2>&1
      # Postfix takes a folder of settings only if the main one knows it.
      [ -e /etc/postfix/main.cf ] || $sudo touch /etc/postfix/main.cf
      grep -qs "$home/postfix/etc" /etc/postfix/main.cf || $sudo postconf -c /etc/postfix -e "alternate_config_directories = $home/postfix/etc"
      $sudo postfix -c "$home/postfix/etc" start >>"$home/start.log" 2>&1
    fi
    wait_port 15143
    wait_port 15024
    wait_port 15025
    echo "$home/tls.pem"
    ;;
  stop)
    stop
    $sudo rm -rf "$home"
    ;;
  *)
    echo "usage: mail.sh start|stop" >&2
    exit 2
    ;;
esac
