<?php
// Sends events to Waybill in batches. PHP 8.1 or newer with zlib, nothing else. See docs/batch.md.
//
//   $verdicts = (new BatchClient('https://events.example', $token))->send($events);
//
// As a program it reads events from standard input, a line each:
//
//   EVENTS_URL=… EVENTS_TOKEN=… php waybill_batch.php < events.ndjson

declare(strict_types=1);

/** Waybill refuses the whole batch, and would refuse it again: nothing of it was stored. */
final class BatchRefused extends RuntimeException
{
}

/** There was no way through in time. `events` have no verdict yet: keep them. */
final class BatchGaveUp extends RuntimeException
{
    public function __construct(public readonly array $events)
    {
        parent::__construct('gave up on ' . count($events) . ' events');
    }
}

final class BatchClient
{
    public const EVENTS_MAX = 500;
    private const BYTES_MAX = 4_000_000; // of JSON; Waybill takes 5,000,000
    private const ANSWER_SECONDS_MAX = 30;
    private const PAUSE_SECONDS_MAX = 60;

    public function __construct(
        private readonly string $url,
        private readonly string $token,
        private readonly float $giveUpSeconds = 900,
    ) {
    }

    /**
     * Returns the verdict on each event, in their order. Events are objects; those without an id
     * get one, in place: so an event that is sent again by a later call still counts once.
     */
    public function send(array $events): array
    {
        foreach ($events as $event) {
            $event->id ??= bin2hex(random_bytes(16));
        }
        $verdicts = [];
        foreach ($this->packed($events) as $batch) {
            array_push($verdicts, ...$this->sendBatch($batch));
        }
        return $verdicts;
    }

    private function sendBatch(array $batch): array
    {
        $verdicts = [];
        $pending = array_keys($batch);
        $pause = 1.0;
        $givesUpAt = microtime(true) + $this->giveUpSeconds;
        while (true) {
            $sent = array_map(static fn (int $index) => $batch[$index], $pending);
            [$answer, $retryAfter] = $this->post($sent);
            if ($answer !== null) {
                $left = [];
                foreach ($answer->results as $result) {
                    $index = $pending[$result->index];
                    if ($result->status === 'retry') {
                        $left[] = $index;
                    } else {
                        $verdicts[$index] = $result;
                    }
                }
                if ($left === []) {
                    ksort($verdicts);
                    return $verdicts;
                }
                $pause = count($left) < count($pending) ? 1.0 : $pause;
                $pending = $left;
            }
            if (microtime(true) > $givesUpAt) {
                throw new BatchGaveUp(array_map(static fn (int $index) => $batch[$index], $pending));
            }
            usleep((int) (max($retryAfter, $pause) * (1 + mt_rand() / mt_getrandmax() / 2) * 1e6));
            $pause = min(self::PAUSE_SECONDS_MAX, $pause * 2);
        }
    }

    /** Returns the answer, null if the batch has to be sent again, and the seconds to wait. */
    private function post(array $events): array
    {
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'header' => [
                'Authorization: Bearer ' . $this->token,
                'Content-Type: application/json',
                'Content-Encoding: gzip',
                'Connection: close',
            ],
            'content' => gzencode(json_encode($events, JSON_THROW_ON_ERROR)),
            'timeout' => self::ANSWER_SECONDS_MAX,
            'ignore_errors' => true,
            'protocol_version' => 1.1,
        ]]);
        $body = @file_get_contents(rtrim($this->url, '/') . '/batch', false, $context);
        $head = $http_response_header ?? [];
        if ($body === false || !preg_match('{^HTTP/\S+ (\d+)}', $head[0] ?? '', $match)) {
            return [null, 0]; // the answer was lost: what was stored will be told as a duplicate
        }
        $status = (int) $match[1];
        $retryAfter = 0;
        foreach ($head as $line) {
            if (preg_match('{^Retry-After:\s*(\d+)}i', $line, $match)) {
                $retryAfter = (int) $match[1];
            }
        }
        if ($status === 200) {
            return [json_decode($body), $retryAfter]; // null if it was cut off
        }
        if (in_array($status, [408, 429], true) || $status >= 500 || str_contains($body, 'incomplete_body')) {
            return [null, $retryAfter];
        }
        throw new BatchRefused("$status $body");
    }

    private function packed(array $events): Generator
    {
        $batch = [];
        $size = 0;
        foreach ($events as $event) {
            $bytes = strlen(json_encode($event, JSON_THROW_ON_ERROR)) + 1;
            if ($batch !== [] && (count($batch) === self::EVENTS_MAX || $size + $bytes > self::BYTES_MAX)) {
                yield $batch;
                $batch = [];
                $size = 0;
            }
            $batch[] = $event;
            $size += $bytes;
        }
        if ($batch !== []) {
            yield $batch;
        }
    }
}

if (realpath($_SERVER['SCRIPT_FILENAME'] ?? '') === __FILE__) {
    $client = new BatchClient((string) getenv('EVENTS_URL'), (string) getenv('EVENTS_TOKEN'));
    $counts = [];
    $flush = static function (array $events) use ($client, &$counts): void {
        foreach ($client->send($events) as $verdict) {
            $counts[$verdict->status] = ($counts[$verdict->status] ?? 0) + 1;
            if ($verdict->status === 'rejected') {
                fwrite(STDERR, json_encode($verdict) . "\n");
            }
        }
    };
    $events = [];
    while (($line = fgets(STDIN)) !== false) {
        if (trim($line) !== '') {
            $events[] = json_decode($line, false, 512, JSON_THROW_ON_ERROR);
        }
        if (count($events) === BatchClient::EVENTS_MAX) {
            $flush($events);
            $events = [];
        }
    }
    $flush($events);
    echo json_encode((object) $counts), "\n";
    exit(isset($counts['rejected']) ? 1 : 0);
}
