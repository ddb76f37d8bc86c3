// SPDX-License-Identifier: MIT
// Tokens for the tests: good ones with 6 and 18 decimals, and those that lie.
pragma solidity ^0.8.20;

contract Token {
    string public name;
    string public symbol;
    uint8 public immutable decimals;
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor(string memory symbol_, uint8 decimals_) {
        name = symbol_;
        symbol = symbol_;
        decimals = decimals_;
        balanceOf[msg.sender] = 1e36;
    }

    function transfer(address to, uint256 value) public virtual returns (bool) {
        move(msg.sender, to, value);
        return true;
    }

    function transferMany(address[] calldata to, uint256[] calldata values) external {
        for (uint256 i = 0; i < to.length; i++) {
            move(msg.sender, to[i], values[i]);
        }
    }

    function move(address from, address to, uint256 value) internal {
        require(balanceOf[from] >= value, "too little");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

// Keeps 1 % of every transfer, and says so in its logs.
contract FeeToken is Token {
    constructor(string memory symbol_, uint8 decimals_) Token(symbol_, decimals_) {}

    function transfer(address to, uint256 value) public override returns (bool) {
        move(msg.sender, address(this), value / 100);
        move(msg.sender, to, value - value / 100);
        return true;
    }
}

// Says that a transfer happened, and moves nothing.
contract LyingToken is Token {
    constructor(string memory symbol_, uint8 decimals_) Token(symbol_, decimals_) {}

    function transfer(address to, uint256 value) public override returns (bool) {
        emit Transfer(msg.sender, to, value);
        return true;
    }
}

// Hands coins on: an internal transfer.
contract Forwarder {
    function forward(address payable to) external payable {
        to.transfer(msg.value);
    }
}
