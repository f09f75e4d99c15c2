; ======================================================================
; A site's profile
; ======================================================================
  AUTOLOG 5
;  FTPD JOBNAME FTPD1       ; ftp
   FTP  JOBNAME FTP1        ; ftp ;as changed
;  PORTMAP JOBNAME PORTMAP1
  ENDAUTOLOG
;
;
PORT
     7 UDP MISCSERV            ; echo
     7 TCP MISCSERV
     9 UDP MISCSERV            ; discard
     9 TCP MISCSERV
    19 UDP MISCSERV            ; chargen
    19 TCP MISCSERV
    20 TCP *  NOAUTOLOG        ; ftp-data
;   20 TCP *  NOAUTOLOG SAF FTPDATA
;   21 TCP FTPD1
    21 TCP FTP1                ; ftp   ;as changed
;   23 TCP INTCLIEN
    23 TCP TN3270              ; telnet
;   23 TCP INETD1 BIND 9.67.113.3
    25 TCP SMTP                ; smtp
    53 TCP NAMED               ; domain
    53 UDP NAMED
   111 TCP PORTMAP             ; sunrpc
   111 UDP PORTMAP
;  111 TCP PORTMAP1
;  111 UDP PORTMAP1
   135 UDP LLBD                ; location broker
   161 UDP OSNMPD              ; snmp
   162 UDP SNMPQE
   512 TCP RXSERVE             ; exec
   514 TCP RXSERVE             ; shell
;  512 TCP * SAF OREXECD
;  514 TCP * SAF ORSHELLD
   515 TCP LPSERVE             ; printer
   520 UDP OROUTED             ; route
   580 UDP NCPROUT
   750 TCP MVSKERB             ; kerberos
   750 UDP MVSKERB
   751 TCP ADM@SRV             ; kerberos-admin
   751 UDP ADM@SRV
  1933 TCP ILMTSRVR
  1934 TCP ILMTSRVR
  3000 TCP CICSTCP             ; CICS
;
;
;   PORTRANGE 4000 1000 TCP OMVS
;   PORTRANGE 4000 1000 UDP OMVS
;   PORTRANGE 2000 3000 TCP RESERVED
;   PORTRANGE 5000 6000 TCP * SAF RANGE1
;
SACONFIG ENABLED COMMUNITY public AGENT 161
;
