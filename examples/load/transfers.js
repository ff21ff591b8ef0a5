// k6 run -e URL=http://127.0.0.1:8484 -e RATE=200 -e DURATION=30s transfers.js
// An open loop: transfers arrive by the clock, whether or not those before have been answered.
import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';

const url = __ENV.URL || 'http://127.0.0.1:8484';
const banks = ['A', 'B', 'C'];

export const options = {
  scenarios: {
    transfers: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 200),
      timeUnit: '1s',
      duration: __ENV.DURATION || '30s',
      preAllocatedVUs: 64,
      maxVUs: 1024,
    },
  },
  thresholds: { checks: ['rate==1'] },
};

export function setup() {
  return { stem: `k6-${Date.now().toString(36)}` }; // a run of its own has transfers of its own
}

function place(n) {
  return { bank: banks[n % banks.length], account: String((Math.floor(n / banks.length) % 100) + 1) };
}

export default function ({ stem }) {
  const n = exec.scenario.iterationInTest; // unique over all virtual users
  const body = JSON.stringify({ from: place(n), to: place(n + 1), amount: 1, currency: 'EUR' });
  const answer = http.post(`${url}/v1/sagas/transfer`, body, {
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': `${stem}-${n}` },
  });
  check(answer, { 'accepted or ended': (r) => r.status === 202 || r.status === 200 });
}
