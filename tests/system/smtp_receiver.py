"""A mail server on loopback, which keeps what it was sent, or answers as it is told to."""

import asyncio
import email
import email.policy
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class SmtpReceiver:
    """`mails` holds the recipients and the mail of each message; `answers` replaces an answer."""

    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def start(self) -> None:
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for _, mail in self.mails]

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []
        try:
            writer.write(b"220 receiver\r\n")
            while line := (await reader.readline()).decode().strip():
                command = line.partition(" ")[0].upper()
                if command == "RCPT":
                    recipients.append(line.partition("<")[2].rstrip(">"))
                answer = {"DATA": "354 go on", "QUIT": "221 bye"}.get(command, "250 ok")
                answer = self.answers.get(command, answer)
                writer.write(f"{answer}\r\n".encode())
                if answer.startswith("354"):
                    content = await reader.readuntil(b"\r\n.\r\n")
                    mail = email.message_from_bytes(content[:-5], policy=email.policy.default)
                    self.mails.append((recipients, mail))
                    writer.write(b"250 queued\r\n")
                if command == "QUIT":
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
