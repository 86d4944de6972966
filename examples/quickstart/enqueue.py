"""Store ten jobs, then print each result as soon as it is there."""

from tasks import count_primes

stored = [count_primes.enqueue(below=number) for number in range(20_000, 200_001, 20_000)]
print(f"{len(stored)} jobs stored")
for job in stored:
    print(f"{job.payload['below']:,}: {job.result(timeout=60):,} primes below")
