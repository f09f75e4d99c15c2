PORT
20 TCP OMVS      NOAUTOLOG   ; ftp-data
21 TCP OMVS                  ; ftp
23 TCP TN3270                ; telnet
25 TCP SMTP                  ; smtp
53 TCP/UDP NAMESRV           ; domain
80 TCP OMVS                  ; http
111 TCP/UDP PORTMAP          ; sunrpc
443 TCP OMVS                 ; https
514 UDP OMVS                 ; syslog
515 TCP LPSERVE              ; printer
750 TCP/UDP MVSKERB          ; kerberos
1415 TCP CSQ1CHIN            ; MQ
3000 TCP CICSTCP             ; CICS
9080 TCP BBODMGR             ; http
9090 TCP BBODMGR             ; http
