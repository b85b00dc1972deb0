#!/bin/sh
# Writes the sample products below the folder $1, one file each: what demo/products.conf serves at /api/v1/products/{id}.
#
# The prices show what the Product Service may send: numbers with and without a fraction, an exponent, strings.
set -eu

dir=$1/api/v1/products
mkdir -p "$dir"

while IFS='|' read -r id name price stock; do
	printf '{"id":%s,"name":"%s","price":%s,"stock_quantity":%s}\n' "$id" "$name" "$price" "$stock" >"$dir/$id"
done <<'END'
1|Wireless Mouse|24.99|1000000
2|Mechanical Keyboard|89.90|1000000
3|USB-C Hub|45.5|1000000
4|27\" Monitor|249|1000000
5|Webcam 1080p|59.95|1000000
6|Laptop Stand|34.00|1000000
7|Desk Lamp|29.99|3
8|Noise-Cancelling Headphones|199.00|1000000
9|Portable SSD 1 TB|109.49|1000000
10|HDMI Cable 2 m|7.99|1000000
11|Kaffeemühle „Röstmeister“|64.90|1000000
12|Café au lait bowl|12.50|1000000
13|抹茶 茶碗|38|1000000
14|Самовар|149.00|1000000
15|Smörgåsbräda|27.25|1000000
16|Jalapeño Salsa 🌶|4.75|1000000
17|Crème brûlée torch|"31.80"|1000000
18|Paper Clips, 100|"0.99"|1000000
19|Ball Pen|"1.5"|1000000
20|Gift Card|"25"|1000000
21|Office Chair|1.79e2|1000000
22|Standing Desk|4.99E+2|1000000
23|Sticker|0.01|1000000
24|Free Sample|0|1000000
25|Conference Table|1250.00|12
26|Limited Edition Print|320.00|1
27|Sold Out Vinyl|21.99|0
28|Server Rack|9999.99|2
29|Private Jet|9999999999.99|1
30|Notebook A5|3.49|1000000
31|Backpack|54.95|1000000
32|Water Bottle|18.00|1000000
33|Phone Case|14.90|1000000
34|Screen Cleaner|6.20|1000000
35|Power Bank|39.99|1000000
36|Bluetooth Speaker|74.50|1000000
37|Smart Plug|16.95|1000000
38|LED Strip|22.40|1000000
39|Ethernet Switch|44.00|1000000
40|Cable Ties, 50|5.05|1000000
END
