/* shop.js - what any shop's own script does: a cart, and events in Segment's
 * names through window.onsite (which queues until its script is there). */

(function () {
    'use strict';

    var cart = JSON.parse(localStorage.getItem('cart') || '[]');

    function track(name, properties) {
        var onsite = window.onsite = window.onsite || [];

        if (onsite.track) {
            onsite.track(name, properties);
        } else {
            onsite.push(['track', name, properties]);
        }
    }

    function byId(id) {
        return document.getElementById(id);
    }

    function save() {
        localStorage.setItem('cart', JSON.stringify(cart));
        show();
    }

    function show() {
        var total = 0, list = byId('lines');

        byId('cart-count').textContent = cart.length;

        if (!list) {
            return;
        }

        list.replaceChildren();
        cart.forEach(function (line) {
            var item = document.createElement('li');
            var price = document.createElement('span');

            item.textContent = line.name;
            price.textContent = line.price + ' €';
            item.append(price);
            list.append(item);
            total += line.price;
        });
        byId('total').textContent = total;
    }

    function product(element) {
        return {
            sku: element.dataset.sku,
            name: element.dataset.name,
            category: element.dataset.category,
            price: Number(element.dataset.price),
            quantity: 1
        };
    }

    show();

    var element = document.querySelector('.product');

    if (element) {
        track('Product Viewed', product(element));
        byId('add').addEventListener('click', function () {
            cart.push(product(element));
            save();
            track('Product Added', product(element));
        });
    }

    if (byId('lines')) {
        track('Cart Viewed', {});
    }

    /* A shop's server would check a password and keep the session: here its
     * nginx.conf knows two, and tells the edge whose they are. */

    function user() {
        var match = /(?:^|; )shop_session=demo-(\w+)/.exec(document.cookie);

        return match ? match[1] : '';
    }

    function showUser() {
        byId('account').textContent = user() || 'Log in';

        if (byId('who')) {
            byId('who').textContent = user()
                ? user() + ' is logged in.' : 'Nobody is logged in.';
        }
    }

    showUser();

    document.querySelectorAll('[data-login]').forEach(function (button) {
        button.addEventListener('click', function () {
            var name = button.dataset.login;

            document.cookie = 'shop_session=' + (name ? 'demo-' + name : '')
                + '; path=/; SameSite=Lax' + (name ? '' : '; max-age=0');
            showUser();
        });
    });

    document.querySelectorAll('[data-event]').forEach(function (button) {
        button.addEventListener('click', function () {
            var item = document.createElement('li');

            track(button.dataset.event, {});
            item.textContent = button.dataset.event;
            byId('log').append(item);
        });
    });

    if (byId('order')) {
        byId('order').addEventListener('click', function () {
            track('Order Completed', {
                order_id: String(Date.now()),
                total: cart.reduce(function (sum, line) {
                    return sum + line.price;
                }, 0),
                products: cart
            });
            cart = [];
            save();
            byId('thanks').hidden = false;
        });
    }
}());
