// Generated from firmware/api/openapi.yaml by tools/api-types.mjs.
export interface paths {
    "/api/v1/alarms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every alarm that is not normal */
        get: operations["alarms"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alarms/{id}/ack": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Acknowledge; twice is no error */
        post: operations["ackAlarm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alarms/{id}/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Release a latched alarm */
        post: operations["resetAlarm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/claim": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the gateway has an owner */
        get: operations["claimState"];
        put?: never;
        /** Set the first passphrase with the claim code */
        post: operations["claim"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/claim/code": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The claim code (control socket only) */
        get: operations["claimCode"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/claim/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Forget the owner (control socket only) */
        post: operations["claimReset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/claim/set": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Set or change the passphrase (control socket only) */
        post: operations["claimSet"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/config/reload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Read rules.d again (as SIGHUP does) */
        post: operations["reload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Devices in the order they appeared, with their state and points */
        get: operations["devices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{dev}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One device with its points and sparks */
        get: operations["device"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{dev}/ignore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Record nothing of a device any more, also after a restart; twice is no error
         * @description Refused with 409 while a rule reads a device that was let in.
         */
        post: operations["ignoreDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{dev}/keep": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a new device in, or stop ignoring one; twice is no error
         * @description What was recorded before stays; rules and sinks get what comes from now on. Told as an event on `devices/<id>/admission`.
         */
        post: operations["keepDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{dev}/message": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the device said last, who read it and why */
        get: operations["message"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{dev}/points/{pt}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One point with its last value */
        get: operations["point"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events-log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Events of the log, newest first */
        get: operations["eventsLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/gateway": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Name and time zone of the gateway */
        get: operations["gateway"];
        /** Set name and time zone; shown at once */
        put: operations["putGateway"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ingest/{dev}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Readings of one device; a bad record never rejects its batch */
        post: operations["ingest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The log: position, lanes with what is sealed and what is not yet, bytes written by cause */
        get: operations["log"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/log/records": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Records as the log has them, in its order, to be replayed elsewhere */
        get: operations["logRecords"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/openapi.yaml": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/push/clients": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is connected with counters */
        get: operations["pushClients"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/push/clients/{conn}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Close one client */
        delete: operations["closeClient"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/raw": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What nobody could decode and why */
        get: operations["raw"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/registry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happens to new devices, who waits, and what the limits hold back */
        get: operations["registry"];
        /** Choose what happens to new devices; holds for those heard from now on */
        put: operations["putRegistry"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Rules with state and faults */
        get: operations["rules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One rule */
        get: operations["rule"];
        /** Make or change a rule; changing needs If-Match with its ETag */
        put: operations["putRule"];
        post?: never;
        /** Remove a rule; its alarms are closed */
        delete: operations["deleteRule"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** All faults of a rule, nothing saved */
        post: operations["checkRule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/series/{dev}/{pt}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** History of one point in columns, for a chart */
        get: operations["series"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who am I */
        get: operations["session"];
        put?: never;
        /** Log in; answers with the session cookie */
        post: operations["logIn"];
        /** Log out */
        delete: operations["logOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/simulator": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** State of the running simulator */
        get: operations["simulator"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/simulator/faults": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Break something */
        post: operations["simulatorFault"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/simulator/faults/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End a fault */
        delete: operations["simulatorMend"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/simulator/inputs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Set an input by hand */
        put: operations["simulatorInput"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/simulator/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop the simulated world */
        post: operations["simulatorPause"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/simulator/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let it go on */
        post: operations["simulatorResume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The gateway at a glance */
        get: operations["status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Live records as SSE or, with Upgrade, as WebSocket (sub-protocol fogline.v1.json) */
        get: operations["stream"];
        put?: never;
        /** The same with the parameters in the body */
        post: operations["streamPost"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tokens without their secrets */
        get: operations["tokens"];
        put?: never;
        /** A new token; the secret is shown once */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke a token; its streams close within a second */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A narrower, short-lived token for an EventSource URL */
        post: operations["createStreamToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uplinks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** State in words and backlog of every uplink */
        get: operations["uplinks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uplinks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One uplink */
        get: operations["uplink"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uplinks/{id}/dead": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Records the far side refuses */
        get: operations["dead"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uplinks/{id}/ledger": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** accepted = acknowledged + waiting + shed + expired, per lane */
        get: operations["ledger"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uplinks/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Disconnect and keep the backlog */
        post: operations["pauseUplink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uplinks/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Go on where it stopped */
        post: operations["resumeUplink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events/{topic}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Alias of the stream with channel={topic} */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** livez and readyz */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the threads turn */
        get: operations["livez"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Prometheus text */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the log can be written */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Admission: {
            /** @enum {unknown} */
            admission: "active" | "provisional" | "ignored";
            id: string;
        };
        Device: {
            /**
             * @description provisional: recorded and pushed, but no rule judges it and no sink is owed it until it is kept
             * @enum {unknown}
             */
            admission: "active" | "provisional" | "ignored";
            /** @description since its last data */
            age_ms: number | null;
            /** @description who read its last message */
            dialect: string;
            id: string;
            /** @description usual seconds between its messages; 0 = not known yet */
            interval_s: number;
            /** @description its stable name on its link */
            key: string;
            /**
             * @description how sure it was at first sight what it is
             * @enum {unknown}
             */
            kind: "announced" | "structured" | "generic";
            name: string;
            /** @description with points=0 only their names */
            points: (components["schemas"]["Point"] | string)[];
            /**
             * @description why that state
             * @example usually every 5 s, 12 min ago
             */
            reason: string;
            samples: number;
            /** @description fogsim speaks for it; left out when false */
            simulated?: boolean;
            /**
             * @example mqtt:plant
             * @example serial:scale-1
             * @example http
             */
            source: string;
            /** @enum {unknown} */
            state: "online" | "stale" | "silent" | "degraded" | "unknown";
        };
        Gateway: {
            id: string;
            name: string;
            /** @description the configuration sets the name; it cannot be changed here */
            name_fixed: boolean;
            /** @description IANA name; empty: not set */
            time_zone: string;
        };
        LaneLedger: {
            accepted: number;
            acknowledged: number;
            /** @description part of waiting */
            dead: number;
            /** @description accepted - acknowledged - waiting - shed - expired; always 0 */
            difference: number;
            expired: number;
            shed: number;
            waiting: number;
            waiting_bytes: number;
        };
        Ledger: {
            /** @description shed and expired by cause */
            causes: {
                [key: string]: number;
            };
            exact: boolean;
            lanes: {
                [key: string]: components["schemas"]["LaneLedger"];
            };
            /** Format: date-time */
            oldest_waiting: string | null;
            sink: string;
            sum: components["schemas"]["LaneLedger"];
        };
        LoggedEvent: {
            /** @description its channel */
            ch: string;
            d: {
                dev: string;
                gw: string;
                seq: number;
                /** Format: date-time */
                ts?: string | null;
            };
            /** @description alarm, device, command, rule, uplink, system, app or raw */
            ev: string;
            pos: string;
        };
        Message: {
            age_ms: number | null;
            /** @description of the whole payload; 0: a driver reads the device, there is no message */
            bytes: number;
            dialect: string;
            /** @description the same bytes */
            hex: string;
            /** @description its first 1,024 bytes; null: not text */
            payload: string | null;
            /** @description what it became */
            points: {
                pt: string;
                v: components["schemas"]["Value"];
            }[];
            /** @description the dialect that would have read it otherwise */
            runner_up: string | null;
            source: string;
            topic: string;
            /** @description why that dialect read it */
            why: string;
        };
        /** @description by kind of device: let in by itself, wait for a person, or not recorded */
        NewPolicies: {
            /** @enum {unknown} */
            announced?: "auto" | "ask" | "ignore";
            /** @enum {unknown} */
            generic?: "auto" | "ask" | "ignore";
            /** @enum {unknown} */
            structured?: "auto" | "ask" | "ignore";
        };
        Point: {
            age_ms?: number | null;
            diagnostic?: boolean;
            /** @description usual seconds between its values; 0 = not known yet */
            interval_s: number;
            pt: string;
            /** @description good, or uncertain or bad with a reason */
            q?: string;
            /** Format: date-time */
            rx?: string | null;
            samples: number;
            seq?: number;
            /** @description last values, at most one a second, newest last; null = no value */
            spark?: (number | null)[];
            /** Format: date-time */
            ts?: string | null;
            /** @description UCUM code; empty = none */
            u: string;
            unit_guessed?: boolean;
            v?: components["schemas"]["Value"];
        };
        /** @description A sample has pt, an event has ev */
        RawRecord: {
            boot: number;
            /** @description channel */
            ch?: string;
            d?: Record<string, never>;
            dev: string;
            /** @enum {unknown} */
            ev?: "alarm" | "device" | "command" | "rule" | "uplink" | "system" | "app" | "raw";
            /** @description 1 derived, 2 processed again after a crash, 4 simulated, 8 retained, 16 late, 32 repeated by a deadband */
            flags?: number;
            /** @description v is a whole number by type, not by chance */
            int?: boolean;
            /**
             * Format: int64
             * @description ns since that boot, when it was received
             */
            mono: number;
            pt?: string;
            /** @description left out when good */
            q?: string;
            seq: number;
            /**
             * Format: int64
             * @description ns since 1970, what the source said
             */
            src?: number;
            u?: string;
            v?: number | string | boolean | null;
        };
        Registry: {
            /** @description the configuration sets it; it cannot be changed here */
            fixed: boolean;
            /** @description readings beyond the limits since the start */
            held_back: number;
            held_back_by: {
                /** @description key of the newest device concerned */
                last: string;
                source: string;
                times: number;
                why: string;
            }[];
            ignored: number;
            new: components["schemas"]["NewPolicies"];
            /** @description devices that wait to be kept */
            provisional: number;
        };
        /** @description Columns of equal length; times are milliseconds since 1970. Values that are missing are gaps, never numbers. */
        Series: {
            /** @description values found */
            count: number;
            /** @description false: too much to read at once, the oldest part is a gap */
            exact: boolean;
            from: number;
            /** @description [from, to, reason]: nothing came for 3 usual intervals (at least 5 s), or what came had no value */
            gaps: [
                number,
                number,
                string
            ][];
            max: number[];
            min: number[];
            /** @description true: v is the mean of a stretch of time, min and max its extremes; false: v are the values, min and max are empty */
            reduced: boolean;
            t: number[];
            to: number;
            /** @description UCUM code */
            u: string;
            v: number[];
        };
        Status: {
            /** @description that are not normal, by severity; unack is part of them */
            alarms: {
                critical: number;
                high: number;
                low: number;
                medium: number;
                unack: number;
            };
            clock: {
                /** Format: date-time */
                time: string;
                trusted: boolean;
            };
            /** @description of everything but rules and secrets: another one, another configuration */
            config_hash?: string;
            devices: number;
            gateway: {
                id: string;
                name: string;
                time_zone: string;
            };
            gw: string;
            links: {
                /** @description URL of an MQTT broker, without user */
                address?: string;
                id: string;
                up: boolean;
                words: string;
            }[];
            log: Record<string, never>;
            /** @description of the listener for devices; left out: it is off, or its port is taken */
            mqtt_port?: number;
            name: string;
            points: number;
            resident_bytes: number;
            ring: Record<string, never>;
            rules: number;
            /** @description a simulator runs at the configured socket */
            simulator: boolean;
            storage: {
                /** @description null: it is not filling */
                days_left: number | null;
                degraded: boolean;
                max_bytes: number;
                used_bytes: number;
            };
            uplinks: {
                down: number;
                paused: number;
                up: number;
                /** @description records */
                waiting: number;
            };
            uptime_s: number;
            version: string;
        };
        Uplink: {
            acknowledged: number;
            backlog: {
                bytes: number;
                /** @description at the present rate; null: not known */
                drain_s: number | null;
                lanes: {
                    alarm: number;
                    bulk: number;
                    live: number;
                    reply: number;
                };
                oldest_age_s: number | null;
                records: number;
            };
            connected: boolean;
            connects: number;
            drain_s?: number;
            id: string;
            in_flight: number;
            /** Format: date-time */
            last_ack: string | null;
            /** @description stays after recovery */
            last_error: string;
            /** Format: date-time */
            last_error_at: string | null;
            /** @description records acknowledged a second */
            rate: number;
            refused: number;
            retries: number;
            sent: number;
            /** Format: date-time */
            since: string | null;
            /** @enum {unknown} */
            state: "stopped" | "paused" | "connecting" | "streaming" | "backing-off" | "failed";
            type: string;
            waiting: number;
            waiting_bytes: number;
            /** @description the cause of the state */
            words: string;
        };
        /** @description null: no value; `q` says why */
        Value: number | boolean | string | null;
    };
    responses: {
        /** @description 412: changed meanwhile, 428: If-Match is missing; with what is there now */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": {
                    current: {
                        etag: string;
                        /** @description as TOML */
                        text?: string;
                        value: Record<string, never> | null;
                    };
                    detail?: string;
                    hint?: string;
                    status: number;
                    title: string;
                    type: string;
                };
            };
        };
        /** @description A page */
        List: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    items: Record<string, never>[];
                    next?: string | null;
                };
            };
        };
        /** @description Done */
        Object: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": Record<string, never>;
            };
        };
        /** @description RFC 9457 problem document */
        Problem: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": {
                    detail?: string;
                    errors?: Record<string, never>[];
                    hint?: string;
                    status: number;
                    title: string;
                    type: string;
                };
            };
        };
    };
    parameters: {
        /** @description <device>/<rule>, its slash as %2F */
        Alarm: string;
        Dev: string;
        Id: string;
        Pt: string;
    };
    requestBodies: {
        Note: {
            content: {
                "application/json": {
                    note?: string;
                };
            };
        };
        Rule: {
            content: {
                /** @example {
                 *       "title": "Freezer too warm",
                 *       "bind": {
                 *         "device": "freezer-*"
                 *       },
                 *       "inputs": {
                 *         "t": {
                 *           "point": "{device}/temp"
                 *         }
                 *       },
                 *       "condition": {
                 *         "op": "threshold",
                 *         "in": "t",
                 *         "H": "-15 Cel",
                 *         "hysteresis": "1 K"
                 *       },
                 *       "action": [
                 *         {
                 *           "type": "alarm",
                 *           "severity": "high",
                 *           "text": "{title}: {t}"
                 *         }
                 *       ]
                 *     } */
                "application/json": Record<string, never>;
            };
        };
    };
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    alarms: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["List"];
            default: components["responses"]["Problem"];
        };
    };
    ackAlarm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description <device>/<rule>, its slash as %2F */
                id: components["parameters"]["Alarm"];
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Note"];
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    resetAlarm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description <device>/<rule>, its slash as %2F */
                id: components["parameters"]["Alarm"];
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Note"];
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    claimState: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
        };
    };
    claim: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "code": "7K3M-9QXA",
                 *       "passphrase": "a long sentence"
                 *     } */
                "application/json": {
                    code: string;
                    passphrase: string;
                };
            };
        };
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    claimCode: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    claimReset: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    claimSet: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    passphrase: string;
                };
            };
        };
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    reload: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    devices: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string;
                /** @description in id, name, source or dialect; case does not matter */
                filter?: string;
                limit?: number;
                /** @description 0: only the names of points */
                points?: "0" | "1";
                /** @description new: wait to be kept; missing: expected and silent; those ignored are in no other list */
                show?: "all" | "new" | "missing" | "ignored";
                /** @description 1: with the last values of each point */
                spark?: "0" | "1";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Device"][];
                        next: string | null;
                        /** @description devices that match, on all pages */
                        total: number;
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    device: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dev: components["parameters"]["Dev"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The device */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    ignoreDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dev: components["parameters"]["Dev"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Admission"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    keepDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dev: components["parameters"]["Dev"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Admission"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dev: components["parameters"]["Dev"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The message */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    point: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dev: components["parameters"]["Dev"];
                pt: components["parameters"]["Pt"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The point */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Point"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    eventsLog: {
        parameters: {
            query?: {
                /** @description `next` of the page before; a page may have fewer items than asked and still have a next one */
                cursor?: string;
                /** @description only of this device */
                dev?: string;
                /** @description RFC 3339 or integer milliseconds */
                from?: string;
                kind?: "alarm" | "device" | "command" | "rule" | "uplink" | "system" | "app" | "raw";
                limit?: number;
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["LoggedEvent"][];
                        next: string | null;
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    gateway: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings; their version is the ETag */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Gateway"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    putGateway: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "name": "Boiler house",
                 *       "time_zone": "Europe/Berlin"
                 *     } */
                "application/json": {
                    name: string;
                    time_zone?: string;
                };
            };
        };
        responses: {
            /** @description The settings */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Gateway"];
                };
            };
            412: components["responses"]["Conflict"];
            428: components["responses"]["Conflict"];
            default: components["responses"]["Problem"];
        };
    };
    ingest: {
        parameters: {
            query?: {
                /** @description commit: answered once on flash; held: once processed */
                ack?: "commit" | "held";
            };
            header?: never;
            path: {
                dev: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "temp": 21.5,
                 *       "door": false
                 *     } */
                "application/json": Record<string, never> | Record<string, never>[] | number;
                /** @example 21.5 */
                "text/plain": string;
            };
        };
        responses: {
            /** @description What became of each record */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accepted: number;
                        committed: boolean;
                        position?: string;
                        rejected: {
                            index?: number;
                            reason?: string;
                        }[];
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    log: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    logRecords: {
        parameters: {
            query?: {
                /** @description `next` of the page before; without from and after: from the oldest on */
                after?: string;
                /** @description of the first page: what was received from about here on */
                from?: string;
                limit?: number;
                /** @description sequence number of the last record wanted; default: what is committed */
                upto?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description when a boot's monotonic time was what wall time, in ns */
                        boots: {
                            boot: number;
                            /** Format: int64 */
                            mono: number;
                            trusted: boolean;
                            /** Format: int64 */
                            utc: number;
                        }[];
                        /** @description newest committed sequence number */
                        committed: number;
                        epoch: string;
                        gw: string;
                        items: components["schemas"]["RawRecord"][];
                        missing: {
                            from: number;
                            /** @enum {unknown} */
                            reason: "expired" | "evicted" | "crash" | "epoch-changed";
                            records: number;
                            to: number;
                        }[];
                        next: string | null;
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description YAML */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/yaml": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    pushClients: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    closeClient: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                conn: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    raw: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["List"];
            default: components["responses"]["Problem"];
        };
    };
    registry: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The policies; their version is the ETag */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Registry"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    putRegistry: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "new": {
                 *         "generic": "ask"
                 *       }
                 *     } */
                "application/json": {
                    new: components["schemas"]["NewPolicies"];
                };
            };
        };
        responses: {
            /** @description The policies */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Registry"];
                };
            };
            412: components["responses"]["Conflict"];
            428: components["responses"]["Conflict"];
            default: components["responses"]["Problem"];
        };
    };
    rules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["List"];
            default: components["responses"]["Problem"];
        };
    };
    rule: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    putRule: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Rule"];
        responses: {
            200: components["responses"]["Object"];
            201: components["responses"]["Object"];
            412: components["responses"]["Conflict"];
            428: components["responses"]["Conflict"];
            default: components["responses"]["Problem"];
        };
    };
    deleteRule: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            412: components["responses"]["Conflict"];
            428: components["responses"]["Conflict"];
            default: components["responses"]["Problem"];
        };
    };
    checkRule: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Rule"];
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    series: {
        parameters: {
            query?: {
                /** @description RFC 3339 or integer milliseconds; default: an hour before `to` */
                from?: string;
                points?: number;
                /** @description default: now */
                to?: string;
            };
            header?: never;
            path: {
                dev: components["parameters"]["Dev"];
                pt: components["parameters"]["Pt"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The columns */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Series"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    logIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    passphrase: string;
                };
            };
        };
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    logOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    simulator: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    simulatorFault: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "on": "device/scale-1",
                 *       "kind": "unplug",
                 *       "for_s": 60
                 *     } */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    simulatorMend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    simulatorInput: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "value": 40.5
                 *     } */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    simulatorPause: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    simulatorResume: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The state */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    stream: {
        parameters: {
            query: {
                /** @example [
                 *       "samples/#"
                 *     ] */
                channel: string[];
                /** @description position, duration, time, earliest or now */
                since?: string;
            };
            header?: {
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description WebSocket */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A stream that does not end */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    streamPost: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "channel": [
                 *         "samples/#"
                 *       ]
                 *     } */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description A stream that does not end */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    tokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "name": "panel",
                 *       "scopes": [
                 *         "read:live"
                 *       ]
                 *     } */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            201: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    createStreamToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {
                 *       "subscribe": [
                 *         "samples/#"
                 *       ],
                 *       "ttl": 3600
                 *     } */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            201: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    uplinks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Uplink"][];
                        next: string | null;
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    uplink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The uplink */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Uplink"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    dead: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["List"];
            default: components["responses"]["Problem"];
        };
    };
    ledger: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The ledger */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ledger"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    pauseUplink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    resumeUplink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    events: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                topic: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A stream that does not end */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    livez: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Text format 0.0.4 */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Object"];
            default: components["responses"]["Problem"];
        };
    };
}
