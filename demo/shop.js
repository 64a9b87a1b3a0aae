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

    if (byId('order')) {
        track('Checkout Started', {});
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
