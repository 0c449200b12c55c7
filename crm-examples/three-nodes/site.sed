# Your values, one line each: the example's on the left, yours on the right. Then, once, on your copy:
#   sed -i -f site.sed redis.conf auth sentinel.conf haproxy.cfg cluster.pcs.sh cluster.crm
s/192\.0\.2\.10/192.0.2.10/g
s/cidr_netmask=24/cidr_netmask=24/g
s/192\.0\.2\.11/192.0.2.11/g
s/192\.0\.2\.12/192.0.2.12/g
s/192\.0\.2\.13/192.0.2.13/g
s/change-me/change-me/g
